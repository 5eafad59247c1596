const KEY = 'synod-lab-theme'

/** As it was chosen last, or as the system has it. */
export function restoreTheme(): void {
  const chosen = localStorage.getItem(KEY)
  if (chosen !== null) document.documentElement.dataset.theme = chosen
}

export function toggleTheme(): void {
  const { dataset } = document.documentElement
  const isDark =
    dataset.theme === undefined
      ? matchMedia('(prefers-color-scheme: dark)').matches
      : dataset.theme === 'dark'
  dataset.theme = isDark ? 'light' : 'dark'
  localStorage.setItem(KEY, dataset.theme)
}
