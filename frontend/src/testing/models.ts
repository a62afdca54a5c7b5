import type { Model, ModelVersion } from '@/features/models/api/get-models';

const DIGITS = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

const digits: Omit<ModelVersion, 'version'> = {
  state: 'AVAILABLE',
  reason: '',
  task: 'classification',
  description: 'Handwritten digits, 28 x 28',
  inputs: [
    { name: 'pixels', shape: [784], takes_image: true, image: { height: 28, width: 28, channels: 1 } },
  ],
  labels: DIGITS,
  parameters: 101770,
  nbytes: 500000,
  provenance: { framework: 'scikit-learn', metrics: { test_accuracy: 0.981 } },
};

export const MODELS: Model[] = [
  {
    name: 'mnist',
    default: 2,
    versions: [
      { version: 3, state: 'FAILED', reason: 'weights.safetensors is 12 bytes short' },
      { ...digits, version: 2 },
      { ...digits, version: 1 },
    ],
  },
  {
    name: 'iris',
    default: 1,
    versions: [
      {
        version: 1,
        state: 'AVAILABLE',
        reason: '',
        task: 'classification',
        inputs: [{ name: 'measures', shape: [2, 2], takes_image: false }],
        labels: ['setosa', 'versicolor', 'virginica'],
      },
    ],
  },
];

const available = { version: 1, state: 'AVAILABLE', reason: '', task: 'classification' };

/** Models of tables and texts, after one that takes pictures. */
export const TABLES: Model[] = [
  ...MODELS.slice(0, 1),
  {
    name: 'titanic',
    default: 1,
    versions: [
      {
        ...available,
        inputs: [
          {
            name: 'passenger',
            kind: 'table',
            shape: [4],
            takes_image: false,
            columns: [
              { name: 'age', type: 'number', missing: 'nan' },
              { name: 'fare', type: 'number' },
              { name: 'sex', type: 'category', categories: ['male', 'female'] },
              { name: 'port', type: 'category', categories: ['C', 'Q'], missing: 0 },
            ],
          },
        ],
        labels: ['died', 'survived'],
      },
    ],
  },
  {
    name: 'sms',
    default: 1,
    versions: [
      {
        ...available,
        inputs: [{ name: 'mail', kind: 'text', shape: [1], takes_image: false }],
        labels: ['ham', 'spam'],
      },
    ],
  },
];
