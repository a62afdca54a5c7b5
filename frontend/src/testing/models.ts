import type { Model, ModelInput, ModelVersion } from '@/shared/api/schema';

const DIGITS = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

/** A version about which as little is known as is possible. */
export function versionOf(more: Partial<ModelVersion> = {}): ModelVersion {
  return {
    version: 1,
    state: 'AVAILABLE',
    reason: '',
    nbytes: 0,
    task: 'classification',
    description: '',
    inputs: [],
    outputs: [],
    labels: [],
    parameters: 0,
    provenance: {},
    ...more,
  };
}

/** A model about which nothing was decided. */
export function modelOf(name: string, ...versions: ModelVersion[]): Model {
  const newest = versions.find(({ state }) => state === 'AVAILABLE');
  const routing = { promoted: [], labels: {}, split: null, shadow: null, policy: null };
  return { name, default: newest?.version ?? null, labels: {}, routing, versions };
}

export function inputOf(name: string, kind: ModelInput['kind'], more: Partial<ModelInput> = {}): ModelInput {
  return { name, kind, shape: [1], takes_image: false, ...more };
}

const digits: Partial<ModelVersion> = {
  description: 'Handwritten digits, 28 x 28',
  inputs: [
    inputOf('pixels', 'tensor', {
      shape: [784],
      takes_image: true,
      image: { height: 28, width: 28, channels: 1 },
    }),
  ],
  labels: DIGITS,
  parameters: 101770,
  nbytes: 500000,
  provenance: { framework: 'scikit-learn', metrics: { test_accuracy: 0.981 } },
};

export const MODELS: Model[] = [
  modelOf(
    'mnist',
    versionOf({ version: 3, state: 'FAILED', reason: 'weights.safetensors is 12 bytes short', task: '' }),
    versionOf({ ...digits, version: 2 }),
    versionOf({ ...digits, version: 1 }),
  ),
  modelOf(
    'iris',
    versionOf({
      inputs: [inputOf('measures', 'tensor', { shape: [2, 2] })],
      labels: ['setosa', 'versicolor', 'virginica'],
    }),
  ),
];

/** Models of tables and texts, after one that takes pictures. */
export const TABLES: Model[] = [
  ...MODELS.slice(0, 1),
  modelOf(
    'titanic',
    versionOf({
      inputs: [
        inputOf('passenger', 'table', {
          shape: [4],
          columns: [
            { name: 'age', type: 'number', missing: 'nan' },
            { name: 'fare', type: 'number' },
            { name: 'sex', type: 'category', categories: ['male', 'female'] },
            { name: 'port', type: 'category', categories: ['C', 'Q'], missing: 0 },
          ],
        }),
      ],
      labels: ['died', 'survived'],
    }),
  ),
  modelOf('sms', versionOf({ inputs: [inputOf('mail', 'text')], labels: ['ham', 'spam'] })),
];
