import type { SecretVersion, SecretVersions } from '../../core/state/publisher-state';
import type { Installation } from './registration-world';

/** The versions of the URL secret, beside the value that a registration reads. */
export class MemoryVersions implements SecretVersions {
  private serial = 1;
  private currentId = 'version-1';
  private pendingVersion: SecretVersion | undefined;

  constructor(private readonly installation: Installation) {}

  async current(secret: string): Promise<SecretVersion> {
    return { id: this.currentId, text: this.installation.secrets.get(secret) ?? '' };
  }
  async pending(): Promise<SecretVersion | undefined> {
    return this.pendingVersion;
  }
  async addPending(_secret: string, text: string): Promise<SecretVersion> {
    this.serial += 1;
    this.pendingVersion = { id: `version-${this.serial}`, text };
    return this.pendingVersion;
  }
  async promote(secret: string, pending: SecretVersion, current: SecretVersion): Promise<void> {
    if (current.id !== this.currentId) throw new Error('another version is current');
    this.currentId = pending.id;
    this.installation.secrets.set(secret, pending.text);
  }
}
