// A project file with the text of an editor, which may not be saved.
import { createHash } from 'node:crypto';
import { isAbsolute, join } from 'node:path';
import type { SourceFile } from '../contracts/project.ts';
import { compactWhitespace, pythonStrip } from '../project/python-strip.ts';

/** The absolute path of a file. */
export function pathOf({ project_root, search_path, relative_path }: SourceFile): string {
  return isAbsolute(search_path) ? join(search_path, relative_path) : join(project_root, search_path, relative_path);
}

/** @param text with normalized line breaks */
export function withText(file: SourceFile, text: string): SourceFile {
  const contents = pythonStrip(text);
  const { package_name, project_root, search_path, relative_path, original_file_path, kind } = file;
  return {
    ...{ package_name, project_root, search_path, relative_path, original_file_path, kind, contents },
    first_line: text.slice(0, text.indexOf(contents)).split('\n').length,
    checksum: {
      name: 'sha256',
      checksum: createHash('sha256').update(compactWhitespace(contents), 'utf8').digest('hex'),
    },
    // Never equal to a known time: the parse cache compares the texts.
    mtime_ms: Number.NaN,
    size: text.length,
  };
}
