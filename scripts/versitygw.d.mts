// Types of versitygw.mjs.

/** The program's path; null: it is neither here nor on PATH. */
export function findVersitygw(): string | null;

/**
 * The same, built where it is missing.
 * @param say receives the progress of a build, every five seconds
 * @param signal ends the build
 * @throws where it cannot be built
 */
export function buildVersitygw(say?: (text: string) => void, signal?: AbortSignal): Promise<string>;
