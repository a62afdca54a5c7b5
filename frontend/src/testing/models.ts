import type { Model, ModelVersion } from '@/features/models/api/get-models';

const DIGITS = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

const digits: Omit<ModelVersion, 'version'> = {
  state: 'AVAILABLE',
  reason: '',
  task: 'classification',
  description: 'Handwritten digits, 28 x 28',
  inputs: [{ name: 'pixels', kind: 'tensor', shape: [784], takes_image: true }],
  outputs: [{ name: 'scores', shape: [10] }],
  labels: DIGITS,
  parameters: 101770,
  nbytes: 500000,
  provenance: { framework: 'scikit-learn', metrics: { test_accuracy: 0.981 } },
};

const iris: ModelVersion = {
  version: 1,
  state: 'AVAILABLE',
  reason: '',
  task: 'classification',
  description: '',
  inputs: [{ name: 'measures', kind: 'tensor', shape: [2, 2], takes_image: false }],
  outputs: [{ name: 'scores', shape: [3] }],
  labels: ['setosa', 'versicolor', 'virginica'],
  parameters: 0,
  nbytes: 0,
  provenance: {},
};

/** What is told of a version that could not be loaded. */
const failed: Omit<ModelVersion, 'version' | 'reason'> = {
  state: 'FAILED',
  task: '',
  description: '',
  inputs: [],
  outputs: [],
  labels: [],
  parameters: 0,
  nbytes: 0,
  provenance: {},
};

export const MODELS: Model[] = [
  {
    name: 'mnist',
    default: 2,
    labels: {},
    versions: [
      { ...failed, version: 3, reason: 'weights.safetensors is 12 bytes short' },
      { ...digits, version: 2 },
      { ...digits, version: 1 },
    ],
  },
  {
    name: 'iris',
    default: 1,
    labels: {},
    versions: [iris],
  },
];
