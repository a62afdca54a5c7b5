/** The shapes that the API's own document describes; `npm run client` writes them anew. */
import type { components } from './schema.gen';

type Schemas = components['schemas'];

export type ApiFailure = Schemas['Error'];
export type Audit = Schemas['Audit'];
export type Accuracy = Schemas['Accuracy'];
export type Classified = Schemas['Classified'];
export type Compared = Schemas['Compared'];
export type ComparedSide = Schemas['ComparedSide'];
export type Comparison = Schemas['Comparison'];
export type Contribution = Schemas['Contribution'];
export type Drift = Schemas['Drift'];
export type Explanation = Schemas['Explanation'];
export type FeatureDrift = Schemas['FeatureDrift'];
export type LabelDrift = Schemas['LabelDrift'];
export type LabelBody = Schemas['LabelBody'];
export type Model = Schemas['Model'];
export type ModelInput = Schemas['ModelInput'];
export type ModelList = Schemas['ModelList'];
export type ModelVersion = Schemas['ModelVersion'];
export type PromoteBody = Schemas['PromoteBody'];
export type Routing = Schemas['Routing'];
export type ShadowBody = Schemas['ShadowBody'];
export type SplitBody = Schemas['SplitBody'];
export type Stats = Schemas['Stats'];
export type Summary = Schemas['Summary'];
export type TableColumn = Schemas['Column'];
export type VersionAccuracy = Schemas['VersionAccuracy'];
export type VersionStats = Schemas['VersionStats'];
