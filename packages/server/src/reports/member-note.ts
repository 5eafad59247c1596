import type { MemberStatus } from 'synod'

/** Why a member does not vote; undefined for a voter. */
export function memberNote({ replaces, role }: Pick<MemberStatus, 'replaces' | 'role'>): string | undefined {
  switch (role) {
    case 'voter':
      return undefined
    case 'joining':
      return replaces === 0
        ? 'votes when it has caught up'
        : `takes the place of s${replaces} when it has caught up`
    case 'learner':
      return 'learns without ever voting'
  }
}
