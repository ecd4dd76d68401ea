/** Collects what is printed and tells when a text appears. */
export class Printed {
  public text = '';
  private waiting: { text: string; resolve: () => void }[] = [];

  public add(chunk: string): void {
    this.text += chunk;
    for (const { text, resolve } of this.waiting) if (this.text.includes(text)) resolve();
  }

  public until(text: string): Promise<void> {
    if (this.text.includes(text)) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ text, resolve }));
  }
}
