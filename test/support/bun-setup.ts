/// <reference types="bun-types/test" />
// Loaded by bunfig.toml. Bun gives a test five seconds and has no setting for it in a file; a
// property test over thousands of cases may take longer on a slow machine.
import { mock } from "bun:test";
import * as nodeTest from "node:test";

type Body = (context: nodeTest.TestContext) => void | Promise<void>;

const timeout = 300_000;
const original = nodeTest.test;

const patient = (name: string, options: object | Body, body?: Body): Promise<void> =>
  body === undefined
    ? original(name, { timeout }, options as Body)
    : original(name, { timeout, ...options }, body);

const test = Object.assign(patient, original);
const exports = { ...nodeTest, default: test, test };
mock.module("node:test", () => exports);
