// COPY of pg-copy-streams, both ways, loaded with the first table. A module of its own: a CommonJS module that is
// imported late has no named exports once it is bundled.
export { from as copyFrom, to as copyTo } from 'pg-copy-streams';
