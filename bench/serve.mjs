// `node bench/serve.mjs MEASURE [--small]`: measures `tsdbt serve` on an embedded server, which it starts itself.
// Bundles bench/serve/*.ts with the sources that it measures; the program is that of dist/.
import { runMeasure } from './bundled.mjs';

await runMeasure('serve', ['idle', 'start', 'history', 'page', 'alarm', 'steady']);
