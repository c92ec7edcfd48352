// node count-tests.js REPORT: prints how many tests of a JUnit report passed and failed.
import { readFileSync } from "node:fs";
import process from "node:process";

const report = readFileSync(process.argv[2], "utf8");
const cases = report.match(/<testcase\b[^>]*\/>|<testcase\b[^]*?<\/testcase>/g) ?? [];
const failed = cases.filter((text) => /<(failure|error)\b/.test(text)).length;
const skipped = cases.filter((text) => /<skipped\b/.test(text)).length;
console.log(`${cases.length - failed - skipped} ${failed}`);
