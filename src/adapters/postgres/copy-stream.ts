// COPY FROM STDIN of pg-copy-streams, loaded with the first table. A module of its own: a CommonJS module that is
// imported late has no named exports once it is bundled.
export { from as copyFrom } from 'pg-copy-streams';
