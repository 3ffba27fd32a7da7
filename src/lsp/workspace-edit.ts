// A renaming as an edit of the protocol.
import type { TextEdit, WorkspaceEdit } from 'vscode-languageserver';
import type { EditorProject } from './editor-project.ts';
import { URI } from './file-uri.ts';
import type { Renaming } from './project-rename.ts';
import { TextPlaces } from './text-places.ts';

/** @param ordered whether the editor supports edits of files in an order */
export function workspaceEdit(project: EditorProject, { edits, moved }: Renaming, ordered: boolean): WorkspaceEdit {
  const changes: Record<string, TextEdit[]> = {};
  for (const path of new Set(edits.map((edit) => edit.path))) {
    const places = new TextPlaces(project.textAt(path));
    changes[URI.of(path)] = edits
      .filter((edit) => edit.path === path)
      .map(({ start, end, text }) => ({ range: places.range(start, end), newText: text }));
  }
  if (!ordered) return { changes };
  return {
    documentChanges: [
      ...Object.entries(changes).map(([uri, all]) => ({ textDocument: { uri, version: null }, edits: all })),
      ...moved.map(({ from, to }) => ({ kind: 'rename' as const, oldUri: URI.of(from), newUri: URI.of(to) })),
    ],
  };
}
