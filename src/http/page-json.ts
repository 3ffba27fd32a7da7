// JSON for the scripts of pages.

/** Replaces halves of surrogate pairs: `encodeURIComponent`, which builds the links of a page, rejects them. */
export function pageJson(json: string): string {
  // JSON contains them as escapes; a backslash of a text is doubled.
  return json.replace(/\\(?:\\|ud[89a-f][0-9a-f]{2})/g, (found) => (found === '\\\\' ? found : '\ufffd'));
}
