import { Shell } from 'shell';
import { Old } from './old';

const page = (
  <Old old={Old} data-old="old" {...Old.props}>
    Old {Old} <Old.Item old /> <old /> <div Old="1" old={2} /> <Shell old={3} /> <x:Old />
  </Old>
);
export { Old };
