// The settings of policies.yml: which relations may hold columns with a tag, and which functions mask them.
import { MOST_MASKS } from '../lineage/masks.ts';
import { list, matching, text } from './kinds.ts';
import { optional, type ReadFields, record, required, withDefault } from './record-settings.ts';

const FIELDS = {
  tag: required(
    matching(/^[\w.-]+$/, 'a name of letters, digits, ".", "_" and "-"'),
    "The tag: in a column's `tags`, or a key of its `meta`",
  ),
  allowed_in: withDefault(
    list(text, { of: 'criteria', empty: true }),
    [],
    'What may hold such columns: criteria as for `--select`, `schema:NAME`, or `connection:NAME` for publications ' +
      'and archives',
    'none',
  ),
  masks: withDefault(
    list(matching(/^[A-Za-z_][\w.]*$/, 'the name of a function'), { of: 'functions', empty: true }),
    [],
    'SQL functions and macros whose result does not carry the tag',
    'none',
  ),
  description: optional(text, 'Shown with each violation'),
};

/** One entry of `policies`. */
export const POLICY = record(FIELDS, { example: 'Example: {tag: pii, allowed_in: [path:models/staging]}.' });
export type Policy = ReadFields<typeof FIELDS>;

/** The whole file. */
export const POLICIES_YML = record(
  { policies: required(list(POLICY, { of: 'policies' }), 'Policies') },
  {
    check: ({ policies }, place) => {
      const tags = policies.map(({ tag }) => tag);
      const twice = tags.findIndex((tag, at) => tags.indexOf(tag) < at);
      if (twice >= 0) place.at('policies', twice, 'tag').must(`is that of another policy: ${tags[twice]}`);
      const masks = new Set(policies.flatMap((policy) => policy.masks.map((name) => name.toLowerCase())));
      if (masks.size > MOST_MASKS)
        place.at('policies').must(`names ${masks.size} masks; at most ${MOST_MASKS} are possible`);
    },
  },
);
