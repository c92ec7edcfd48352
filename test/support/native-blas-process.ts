// Prints what loadBlas gives with the permissions of this process, as it is called by default and with the arguments.
import process from "node:process";
import { loadBlas } from "../../backends/native/mod.ts";

const libraries = process.argv.slice(2);
console.log(
  JSON.stringify([loadBlas(), ...libraries.map((library) => loadBlas({ library }))]),
);
