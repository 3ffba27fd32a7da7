// COPY of pg-copy-streams, both directions, loaded with the first table. A separate module, because a CommonJS module
// that is imported lazily has no named exports once it is bundled.
export { from as copyFrom, to as copyTo } from 'pg-copy-streams';
