// Writes a process's peak of memory in megabytes and its seconds of the processor where TSDBT_HOSTILE_PEAK says.
process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  require('node:fs').writeFileSync(
    process.env.TSDBT_HOSTILE_PEAK,
    JSON.stringify({ megabytes: process.resourceUsage().maxRSS / 1024, seconds: (user + system) / 1e6 }),
  );
});
