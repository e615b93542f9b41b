import type { Old } from './models';
import { type Foreign, Other as Old2 } from 'pkg';
import legacy = require('pkg');
import * as pkg from 'pkg';

interface Shape<Old> extends Old { Old: Old; readonly Old2?: pkg.Old; Old(x: Old): x is Old; ['Old']: 1 }
type Alias = Old | keyof Old | Old['Old'] | typeof Old | `x${Old}`;
enum Kind { Old, Other = 'Old' }
namespace Old.Inner { export const Old = Kind.Old; }
abstract class Box<T extends Old = Old> implements Old {
  constructor(private readonly Old: Old, public x?: pkg.Old.Deep) {}
  @Old() @pkg.Old method(@Old arg: Old): asserts arg is Old { return <Old>arg as Old satisfies Old; }
  declare Old: Old;
}
declare function over(Old: string): legacy.Old;
const { Old: from, ...rest }: { Old: number } = make<Old>({ Old });
let value = Old!.Old;
