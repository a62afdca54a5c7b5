import { useQuery } from '@tanstack/react-query';

import { ErrorMessage } from '@/shared/components/error-message';
import { Table } from '@/shared/components/table';

import { audit } from '../api/decide';
import type { Admin } from '../hooks/use-decision';
import { tell } from '../lib/tell';

/** Who changed what, newest first. */
export function AuditList({ admin: { model, token } }: { admin: Admin }) {
  const { data, error, refetch } = useQuery({
    queryKey: ['audit', model, token],
    queryFn: ({ signal }) => audit(model, token, signal),
    gcTime: 0,
  });
  if (error) {
    return <ErrorMessage error={error} onRetry={() => void refetch()} />;
  }
  return (
    data && (
      <Table
        caption={data.length > 0 ? 'Who changed what, newest first' : 'Nothing was ever changed.'}
        columns={[{ name: 'When' }, { name: 'Who' }, { name: 'What' }, { name: 'Before' }, { name: 'After' }]}
        rows={data.map(({ at, who, action, before, after }) => [
          new Date(at).toLocaleString(),
          who,
          action,
          tell(before),
          tell(after),
        ])}
      />
    )
  );
}
