/** What was heard on the wire, by the client, by the executor and by the receiver of push notifications, each in order. */
export class Transcript {
  readonly wire: object[] = [];
  readonly client: object[] = [];
  executor: object[] = [];
  push: object[] = [];

  /**
   * Comparable with another run's: random ids become numbers by their first appearance, instants and ports the same text.
   * `origins` are the addresses of this run's agent.
   */
  normalised(origins: readonly string[]): unknown {
    const { wire, client, executor, push } = this;
    const ids = new Map<string, string>();
    const text = JSON.stringify({ wire, client, executor, push }, undefined, 1)
      .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (id) => {
        if (!ids.has(id)) ids.set(id, `id ${ids.size + 1}`);
        return ids.get(id)!;
      })
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, 'an instant');
    return JSON.parse(origins.reduce((all, origin) => all.replaceAll(origin, 'the agent'), text));
  }
}
