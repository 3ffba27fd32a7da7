// Tracks the temporary tables that a session has created, from the texts of its statements. Dropping them changes
// nothing that others see. Looks at words without parsing SQL: in doubt a table is not tracked.

const CREATE = /^\s*create\s+temp(?:orary)?\s+table\s+("[^"]+")\s/i;
const DROP = /^\s*drop\s+table\s+if\s+exists\s+("[^"]+")(?:\s+cascade)?\s*;?\s*$/i;
/** Words after which the table may be gone, so that its name may refer to another table. */
const MAY_END = /\bcommit\b|\bdiscard\b/i;

/** Names without a schema: the server looks for temporary tables first. */
export class TemporaryTables {
  readonly #names = new Set<string>();

  /** Records what the statement created. @param sql a statement that the server has executed */
  executed(sql: string): void {
    const name = CREATE.exec(sql)?.[1];
    if (name !== undefined && !MAY_END.test(sql)) this.#names.add(name);
  }

  /** Whether the statement drops one of them and nothing else. */
  isDropped(sql: string): boolean {
    const name = DROP.exec(sql)?.[1];
    return name !== undefined && this.#names.has(name);
  }

  /** Called after a statement that may have dropped them, or a rollback. */
  forget(): void {
    this.#names.clear();
  }
}
