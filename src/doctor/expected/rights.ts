export const profiles = ['sweeper', 'writer', 'reader'] as const;

export type Profile = (typeof profiles)[number];

export const expectedRights: Readonly<Record<Profile, Readonly<Record<string, string>>>> = {
  sweeper: {},
  writer: {},
  reader: {},
};
