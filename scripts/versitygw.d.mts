// Types of versitygw.mjs.

/** The program's path; null: it is neither here nor on PATH. */
export function findVersitygw(): string | null;

/** The same, built where it is missing. @throws where it cannot be built */
export function buildVersitygw(): string;
