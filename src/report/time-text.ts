/** Epoch milliseconds as RFC 3339, to the second: Kubernetes' `date-time`. */
export function timeText(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+/, '');
}
