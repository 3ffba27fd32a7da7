export type SettingExports = Readonly<Record<string, unknown>>;
/** The settings of src/ by name. */
export function loadSettings(): Promise<SettingExports>;
/** JSON Schemas for editors, by file name. */
export function schemaFiles(settings: SettingExports): Readonly<Record<string, object>>;
