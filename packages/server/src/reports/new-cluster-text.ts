/** The message after a cluster was made: how to start it. */
export function newClusterText(
  {
    cluster,
    dataDir,
    id,
    mode,
  }: { readonly cluster: string; readonly dataDir: string; readonly id: number; readonly mode: string },
  address: string,
): string {
  const how = mode === 'leaderless' ? ' --mode leaderless' : ''
  return [
    `${dataDir} is a new cluster ${cluster} of s${id} alone.`,
    'Start it, with the same --lease-ms as before if there was one, and add others with synod member add:',
    `  synod serve --id ${id} --cluster-name ${cluster}${how} --servers ${id}=${address} --clients HOST:PORT --data-dir ${dataDir}`,
  ].join('\n')
}
