import js from '@eslint/js';
import jsxA11y from 'eslint-plugin-jsx-a11y';
import reactHooks from 'eslint-plugin-react-hooks';
import { defineConfig, globalIgnores } from 'eslint/config';
import globals from 'globals';
import { readdirSync } from 'node:fs';
import tseslint from 'typescript-eslint';

const leavesItsPart = {
  regex: '^\\.\\./\\.\\./',
  message: 'Import what lies outside this folder through @/, so that the boundaries below see it.',
};

/** app → features → shared: never back, and never from one feature to another. */
const boundaries = [
  ...readdirSync(new URL('./src/features', import.meta.url)).map((feature) => ({
    files: [`src/features/${feature}/**`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            leavesItsPart,
            {
              regex: `^@/(app|features/(?!${feature}/))`,
              message: 'A feature may import from itself and @/shared only; app joins features.',
            },
          ],
        },
      ],
    },
  })),
  {
    files: ['src/shared/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [leavesItsPart, { regex: '^@/(app|features)/', message: 'shared knows no feature.' }] },
      ],
    },
  },
  {
    files: ['src/app/**'],
    rules: { 'no-restricted-imports': ['error', { patterns: [leavesItsPart] }] },
  },
];

export default defineConfig(
  globalIgnores(['node_modules/', 'src/shared/api/schema.gen.ts']),
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [
      tseslint.configs.strictTypeChecked,
      tseslint.configs.stylisticTypeChecked,
      reactHooks.configs.flat.recommended,
      jsxA11y.flatConfigs.strict,
    ],
    languageOptions: { globals: globals.browser, parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `() => fetch()` in an event handler is a statement, not a forgotten result.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // What scrolls must be reached by keyboard.
      'jsx-a11y/no-noninteractive-tabindex': ['error', { roles: ['group'], tags: [] }],
      'max-lines': ['error', 120],
    },
  },
  { files: ['*.js'], languageOptions: { globals: globals.node } },
  ...boundaries,
);
