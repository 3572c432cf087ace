/** The storage settings of a table, as pg_class has them: `fillfactor=70`. */
export type StorageSettings = ReadonlyMap<string, string>;

export function storageSettings(settings: readonly string[]): StorageSettings {
  return new Map(
    settings.map((setting) => {
      const at = setting.indexOf('=');
      return [setting.slice(0, at), setting.slice(at + 1)];
    }),
  );
}
