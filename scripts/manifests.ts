/** Writes deploy/manifests from the chart; test/kube/chart.test.ts holds the two equal. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { MANIFESTS, manifestFile, manifestText } from '../test/support/kube/manifests.js';

const directory = dirname(manifestFile('x'));
for (const file of readdirSync(directory)) rmSync(`${directory}/${file}`);
for (const name of MANIFESTS) writeFileSync(manifestFile(name), await manifestText(name));
