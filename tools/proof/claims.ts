/**
 * What the parts of the proof are to show, and where it stops: it stands at the head of the report.
 */
export const CLAIMS = `## What holds, and what shows it

- **One value in a slot.** Two quorums meet, and a promise tells of every lower vote. Shown by the specification, the model checker, the core's random runs, and the
  simulator.
- **The window.** A server proposes in slots up to chosen + α, and a configuration that is chosen in slot s takes force in slot s + α. So whoever proposes
  in a slot knows its configuration, and all know the same, if all have one α: it stands in the identity, the handshake and the header of snapshots. Shown by
  [window.qnt](../../tools/spec/window.qnt) and by the model checker where voters are replaced; both find two configurations where one server has another α.
- **Ids.** A cluster is its id, not its name: messages of another id are not heard. Shown by [clusters.qnt](../../tools/spec/clusters.qnt); in the code it is the handshake, which has tests of its own.
- **Recovery.** A new cluster takes, in each slot above its snapshot, what a directory knows to be chosen, or else the vote with the highest ballot. What was chosen with the vote of
  one of the directories is kept, since every vote at a higher ballot is for the same value; with directories enough for phase 1 that is all that was chosen. The new id
  keeps the old members out, and the margin its ballots above theirs. Shown by [clusters.qnt](../../tools/spec/clusters.qnt), by the model checker (in each of its states, for any of the directories), and by random
  runs of whole clusters that are recovered.
- **Admission by group counts.** A server votes again once a quorum for phase 1 has welcomed it and none has heard of more of its journal than it has: every quorum that chose a value has a member in
  that one, which heard the group count before the vote. Shown by the simulator, with old copies of directories. Not found out: all servers put back at once
  ([0031](../decisions/0031-positions.md)).`
