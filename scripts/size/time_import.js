// Prints how long it takes to import what the arguments name, in milliseconds. JavaScript: it is
// copied into projects of npm.
const specifiers = globalThis.process.argv.slice(2);
const started = performance.now();
for (const specifier of specifiers) await import(specifier);
console.log(performance.now() - started);
