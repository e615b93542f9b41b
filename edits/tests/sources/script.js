import React, { useState as old, useMemo } from 'react';
import { old as other } from 'react-dom';
import fs from 'node:fs';
import { kept } from './models';
export { old as renamed, kept as old2 } from './models';
const { old: fromPackage, deep: { old: deeper } } = require('lodash');
const { readFile = 1 } = fs.promises;

// old in a comment
/* old */
const text = 'old' + "old" + `old ${old} ${`${old.old}`}`;
const pattern = /old/g;
const object = { old, 'old': 1, [old]: 2, old: 3, old() {}, get old() { return this.old; }, oldest: 1 };
const { old: local, rest: { old: inner = old }, ...others } = object;
const { old: { x } } = object;
function take({ old, b: { old: c } = {} }, [old1, ...olds]) { return old?.old?.[old]; }
fs.old(fs.promises.old, object.old, console.old, module.exports.old, lone().old);
old: for (;;) { break old; continue old; }
class Old extends Base { old = 1; #old = 2; static old() { return this.#old + this['old'] + super.old; } }
export default { old };
module.exports = { old: old, Old };
async (old) => { const { old: lazy } = await import('fs'); return lazy; };
label`old ${old}`;
