/** Variables that are no option's: name or names, and meaning; null for a heading. */
export const VARIABLES: readonly (readonly [name: string, meaning: string | null])[];
export function commandsPage(): Promise<string>;
export function artifactsPage(page: string): string;
export function libraryExports(): string[];
export function errorsPage(page: string): Promise<string>;
/** Pages with tables of settings, by path. */
export function settingsPages(): Promise<[path: string, text: string][]>;
