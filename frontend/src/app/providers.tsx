import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';

export function Providers({ children }: { children: ReactNode }) {
  const [client] = useState(
    () =>
      new QueryClient({
        defaultOptions: {
          queries: {
            // A failure is shown at once, with a button to try again; a busy server is not asked twice.
            retry: false,
            refetchOnWindowFocus: false,
            refetchOnReconnect: false,
            // The server may well be this machine: no network is needed to reach it.
            networkMode: 'always',
          },
        },
      }),
  );
  return <QueryClientProvider client={client}>{children}</QueryClientProvider>;
}
