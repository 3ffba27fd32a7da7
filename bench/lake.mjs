// Measures what the lake costs this program: CPU, time and memory. See docs/benchmarks.md.
import { runMeasure } from './bundled.mjs';

await runMeasure('lake', ['copies', 'sync', 'compaction']);
