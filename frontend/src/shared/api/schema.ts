/** The shapes that the API's own document describes; `npm run client` writes them anew. */
import type { components } from './schema.gen';

type Schemas = components['schemas'];

export type Classified = Schemas['Classified'];
export type Model = Schemas['Model'];
export type ModelInput = Schemas['ModelInput'];
export type ModelList = Schemas['ModelList'];
export type ModelVersion = Schemas['ModelVersion'];
export type ApiFailure = Schemas['Error'];
