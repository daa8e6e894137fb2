/** The counting of tests: a wrong count would let a failure through. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isAtLeast } from "../../scripts/runtimes.ts";
import { readJUnit } from "../../scripts/test/junit.ts";
import type { TestRun } from "../../scripts/test/run.ts";
import { countTests, summarise } from "../../scripts/test/summary.ts";

const DENO = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="6" failures="2" errors="0" time="0.5">
  <testsuite name="./tests/a_test.ts" tests="2" disabled="0" errors="0" failures="1">
    <testcase name="outer" classname="./tests/a_test.ts" time="0.009" line="3" col="1">
      <failure message="1 test step failed">1 test step failed.</failure>
    </testcase>
    <testcase name="top" classname="./tests/a_test.ts" time="0.000" line="11" col="1">
    </testcase>
  </testsuite>
  <testsuite name="ext:deno_node/testing.ts" tests="4" disabled="1" errors="0" failures="1">
    <testcase name="outer &gt; inner" classname="ext:deno_node/testing.ts" time="0.0">
    </testcase>
    <testcase name="outer &gt; inner &gt; one" classname="ext:deno_node/testing.ts" time="0.0">
    </testcase>
    <testcase name="outer &gt; a &lt;&amp;&quot;b&quot;" classname="ext:deno_node/testing.ts">
      <failure message="Uncaught Error: 1 &lt; 2">Error: text with &lt;skipped/&gt; in it</failure>
    </testcase>
    <testcase name="outer &gt; off" classname="ext:deno_node/testing.ts" time="0.0">
      <skipped/>
    </testcase>
  </testsuite>
</testsuites>`;

const BUN = `<testsuites name="bun test" tests="3" failures="1" skipped="1" time="0.04">
  <testsuite name="tests/a_test.ts" file="tests/a_test.ts" tests="3" time="0.02">
    <testsuite name="outer" file="tests/a_test.ts" line="3" tests="3" time="0.001">
      <testsuite name="inner" file="tests/a_test.ts" line="9" tests="1" time="0">
        <testcase name="one" classname="inner &gt; outer" time="0.00002" assertions="0" />
      </testsuite>
      <testcase name="a &lt;&amp;&quot;b&quot;" classname="outer" time="0.001">
        <failure type="Error" message="1&#10;2">Error: 1&#10;2</failure>
      </testcase>
      <testcase name="off" classname="outer" time="0" line="7">
        <skipped />
      </testcase>
    </testsuite>
    <testcase name="top" classname="" time="0.000025" file="tests/a_test.ts" />
  </testsuite>
</testsuites>`;

const NODE = `<testsuites>
	<testsuite name="outer" time="0.005" tests="3" failures="1" skipped="1" hostname="a">
		<testsuite name="inner" time="0.001" tests="1" failures="0" skipped="0" hostname="a">
			<testcase name="one" time="0.000468" classname="outer.inner" file="a"/>
		</testsuite>
		<testcase name="a &lt;&amp;&amp;quot;b&amp;quot;" time="0.001" failure="1 &lt; 2">
			<failure type="testCodeFailure" message="1 &lt; 2">
[Error] { expected: '>' }
			</failure>
		</testcase>
		<testcase name="off" time="0.000153" classname="outer" file="a">
			<skipped type="skipped" message="no server here"/>
		</testcase>
	</testsuite>
	<testcase name="top" time="0.000272" classname="test" file="a"/>
	<testcase name="tests/empty_test.ts" time="0.1" classname="test" file="a"/>
	<!-- tests 4 -->
</testsuites>`;

const EXPECTED = [
  { name: 'outer > a <&"b"', status: "failed" },
  { name: "outer > inner > one", status: "passed" },
  { name: "outer > off", status: "skipped" },
  { name: "top", status: "passed" },
];

describe("readJUnit()", () => {
  for (const [runtime, report] of Object.entries({ DENO, BUN, NODE })) {
    it(`finds the same tests in the report of ${runtime}`, () => {
      const cases = readJUnit(report).map(({ name, status }) => ({ name, status }));
      assert.deepEqual(cases.sort((a, b) => a.name < b.name ? -1 : 1), EXPECTED);
    });
  }
  it("takes the reason of a skipped test where there is one", () => {
    assert.equal(readJUnit(NODE).find((x) => x.status === "skipped")?.reason, "no server here");
  });
  it("counts a file that cannot be loaded, and a suite whose hook fails", () => {
    const file = `<testcase name="tests/a_test.ts"><failure message="test failed"/></testcase>`;
    assert.equal(readJUnit(`<testsuites>${file}</testsuites>`)[0]?.status, "failed");
    const hook = DENO.replace("1 test step failed", "Uncaught Error: before");
    assert.equal(readJUnit(hook).filter((x) => x.status === "failed").length, 2);
  });
});

describe("summarise()", () => {
  const run = (name: "deno" | "node", xml: string, problem?: string): TestRun => ({
    runtime: { name, path: name, version: "1.0.0" },
    cases: readJUnit(xml),
    seconds: 1.25,
    ...(problem === undefined ? {} : { problem }),
  });
  it("ends with the sum, alone on its line", () => {
    const lines = summarise([run("deno", DENO), run("node", NODE)]);
    assert.equal(lines.at(-1), "4 passed, 2 failed");
    assert.equal(lines.at(-2), "node: 2 passed, 1 failed, 1 skipped in 1.3s");
  });
  it("gives the reason that one runtime knows for all of them", () => {
    const text = summarise([run("deno", DENO), run("node", NODE)]).join("\n");
    assert.match(text, /skipped on deno, node: outer > off \(no server here\)/);
    assert.match(text, /FAILED on deno, node: outer > a <&"b"/);
  });
  it("counts a run without tests as a failure", () => {
    const runs = [run("deno", "", "executed no test")];
    assert.deepEqual(countTests(runs), { passed: 0, failed: 1, skipped: 0 });
    assert.match(summarise(runs).join("\n"), /FAILED: deno executed no test/);
  });
});

describe("isAtLeast()", () => {
  it("compares by numbers, part by part", () => {
    assert.ok(isAtLeast("22.18.0", "22.18"));
    assert.ok(isAtLeast("24.2.0", "22.18"));
    assert.ok(!isAtLeast("22.9.9", "22.18"));
    assert.ok(!isAtLeast("20.20.2", "22.18"));
  });
});
