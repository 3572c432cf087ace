/**
 * Pure: the address of an agent as it is shown to everyone who reaches the pages: without user info, query and fragment,
 * which may hold a secret. It may be no URL: a program writes what it likes.
 */
export function shownAddress(agentUrl: string): string {
  return agentUrl.replace(/[?#].*$/s, '').replace(/^([a-z][a-z0-9+.-]*:\/+)?[^/]*@/i, '$1');
}
