declare module 'planted:*' {
  export * from 'synod-testing/script'
}
