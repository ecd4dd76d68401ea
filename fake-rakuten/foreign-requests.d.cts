import type { Server } from 'node:http';

/** Rejects, with 403, each request with a `Host`, `Origin` or `Sec-Fetch-Site` of another web page. */
export declare function rejectForeignRequests(server: Server): void;
