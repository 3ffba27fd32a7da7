// Reads docs blocks of Markdown files. descriptions.ts resolves `doc()` in descriptions.
import type { DocNode } from '../../contracts/node.ts';
import type { SourceFile } from '../../contracts/project.ts';
import { extractBlocks } from '../../jinja/index.ts';
import type { ParseTools } from '../config/node-update.ts';

/** The docs blocks of one file. */
export function* readDocsFile({ rendering }: ParseTools, file: SourceFile): Generator<DocNode> {
  if (!file.contents.includes('{%')) return;
  for (const block of extractBlocks(file.contents, {
    allowed: ['docs'],
    path: file.original_file_path,
    line: file.first_line,
  })) {
    const name = block.name ?? '';
    const contents = /\{[{%#]|[%#}]\}/.test(block.contents)
      ? rendering.docsBlock(block.contents, file.original_file_path)
      : block.contents;
    yield {
      name,
      resource_type: 'doc',
      package_name: file.package_name,
      path: file.relative_path,
      original_file_path: file.original_file_path,
      unique_id: `doc.${file.package_name}.${name}`,
      block_contents: contents.trim(),
    };
  }
}
