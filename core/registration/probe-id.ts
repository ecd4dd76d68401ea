/** Whether a value is an ID that `randomUUID` made: what the self-test and the status watch mark their GETs with. */
export const isProbeId = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
