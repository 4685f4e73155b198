#ifndef WEFT_TESTS_CRYPTO_KEYS_H
#define WEFT_TESTS_CRYPTO_KEYS_H
/* Keys for tests alone, made with openssl genpkey; those of RFC 7515, A.3, and RFC 8037, A, put into PEM. Whoever reads this has
 * them all. */
#define RSA_PRIVATE \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIIEvwIBADANBgkqhkiG9w0BAQEFAASCBKkwggSlAgEAAoIBAQC60w7ILQxczhO3\n" \
    "h+kViulrpBQNqh7vZgjjCy/CZpTpzftj8ql3XXYhLViTdrSifVdGkr/RLKfQYtsS\n" \
    "QalWurlkvd2swEvHaBnwdLiH2jWfDEg8pA4s7W3wOxq1wQciwY8BjJUy1ExecDio\n" \
    "T6GBvNr9Kpy2UfUwI9K4vlt3IsMjpDw7rGjgXmpr/101Pi6iaVL9Du3R7jc5pX34\n" \
    "LZNIIG7QEaO+PPfqAJgHUQidOtzkQTU2sF6zbYL9+F5VAHDVHTIdH+K85EXKdbtD\n" \
    "izP7pn4zlSPqKrkfvdzL/1aqKP7tId/vV0AI4OxHe2tiS1HXmOBTsoRync2rOK+Q\n" \
    "7OlbRRq7AgMBAAECggEAPhCXvJCapsofar1QBcQcP5JGxzNZC5cOJL82opKJrhKs\n" \
    "DUw0WF9IO0VhQ7wPzlttfxiJeOgo5+WveaUuqI1nwbwBxL4tbpV66JMeKqOnZKsj\n" \
    "5GFsBCjseP5ppS/3OuiqpY0ak8RLiqQlbmTl9r/S0IAzh646kj+UZaN3p2B5C4GW\n" \
    "Sf0rLZo5h9X2c4ZNMuCCc2HixH1grg1RWcObN8d6a+lmXpYCTA1X/tsHCt0Y0vQh\n" \
    "n48FC5jAt+7SPPYLJk2NlxTtYShFUuEqjTyzK2Tc7YYKOh1W8N+4OrOVGeiCFh8T\n" \
    "SNxT1eK1vLBLnEW5QVejLEeSO1NlELELjMmclz8B4QKBgQDva1cnN1L3FNZf/Xqg\n" \
    "Bsd4wrDpcGXIC9kCxr4lyn9k75FjWaS3tYUyQRqLX9LfaJVgPeEjCNG4YrcUJRJr\n" \
    "THgheGsNXumVwI7CgrN9hAm134TDD2Sk9eqzMO9Bbjlv5YATpTKM0qO3Jub0YKGI\n" \
    "uigs6CAHo9k0fqMVJTpZr+8fPQKBgQDHw0OnB9i2Vo39Jz8anGllupMvn5FPTByJ\n" \
    "yLqTH9BT6fTpzjnkd3YJBegoOq0563UIJbflzPfs1p2vE0iPAb8HRsCKCv5rzc/c\n" \
    "mXAYM1H/F/fUgbLUdG9MecQIeH7GHxZ4VjA3BN8lbOPyagN1mHe/7pLVklvN8ayl\n" \
    "f7hIc49BVwKBgQCn7wHNxxeRqfMIl5K4xqiJwv42b5lk7TKFqQPdHCGpmgS/zDQm\n" \
    "i9NmwZWt50PRYtlMDXtqiJgaHlvObIZz7spgp8dnNIjhepRoSSc/RitNf//ullCB\n" \
    "COFcWVmo6nitTSw+G2TOtD0Tjdz30wPbFMBzZ0p4MWx8TstzXI6GNEqk/QKBgQCC\n" \
    "Y2DQMJ3yflKVr71PyFI/VWXnCtdVFA/4m220xGo9q5Lx3WsKRjNkNlfPkmUpThgI\n" \
    "pl3/gCc/juJDuWl99pzSygq4z+47PY50pi51jWHzCJj6O2IXrJxNJZmgEc5l0Trg\n" \
    "dxlngCWLDyVGQI5bfpaDT9zFzI9hwGJ5cAFAQTV7ZwKBgQDlyGLnVxeMbENUviJw\n" \
    "7IbDDhrdtu9nz67bi5fSOWPTjdDtIzgecsPDb34MEWbr5Wni1tTBzLiBRjp0uEp0\n" \
    "rEvuZ/+Ck8TjilxCsew0AHevLBMgK+4UzjaByRqptcNUomc1kxxQJhZqt6T8lp/O\n" \
    "tmAKSXN3/xDfVF8wrVEP/2CfyA==\n" \
    "-----END PRIVATE KEY-----\n"
#define RSA_PUBLIC \
    "-----BEGIN PUBLIC KEY-----\n" \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAutMOyC0MXM4Tt4fpFYrp\n" \
    "a6QUDaoe72YI4wsvwmaU6c37Y/Kpd112IS1Yk3a0on1XRpK/0Syn0GLbEkGpVrq5\n" \
    "ZL3drMBLx2gZ8HS4h9o1nwxIPKQOLO1t8DsatcEHIsGPAYyVMtRMXnA4qE+hgbza\n" \
    "/SqctlH1MCPSuL5bdyLDI6Q8O6xo4F5qa/9dNT4uomlS/Q7t0e43OaV9+C2TSCBu\n" \
    "0BGjvjz36gCYB1EInTrc5EE1NrBes22C/fheVQBw1R0yHR/ivORFynW7Q4sz+6Z+\n" \
    "M5Uj6iq5H73cy/9Wqij+7SHf71dACODsR3trYktR15jgU7KEcp3NqzivkOzpW0Ua\n" \
    "uwIDAQAB\n" \
    "-----END PUBLIC KEY-----\n"
#define RSA_1024 \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIICdQIBADANBgkqhkiG9w0BAQEFAASCAl8wggJbAgEAAoGBAL6mTzG4R5/qjAPq\n" \
    "GoQaVCiS/SgOf/w2e37iouN3+RygMZQholJSDmH3Xx8ammhhWb7EcvIEVp4d4Swl\n" \
    "7T+TEyeYIyHnbyBjgAoJsrJeHl5sgPBRQz8CxYDFWHHgUbXC57eHp/zBIVsTcXw6\n" \
    "tJIB0gwqQlFZPat5YL3OjM9XZWqjAgMBAAECgYBxXX9V91hP1S5w3XHq/6Tvg4gZ\n" \
    "m5WrKdKBfs6RKDPvO6p/hQh6nuSCiI/9dNpAGzM8ZqBbHQ1MdEQC9oJ+/TuzljNW\n" \
    "rHuSfKu8QkcmUJXPOsDCpnk4yEMMzHgKlTnYYapJqPSLFHAMW9iz+eoNmfJPJztA\n" \
    "bbBVMli7IJwcu0Qe0QJBAO00e4DNi6bWLEeVtKZjsI9AoOVWORIA4mr8VsSUGSLd\n" \
    "WDhDjvVxpWBzLEFt0rA0SYy8Bhibdmd2cpH3J8odvH0CQQDNwXzl7TmbqJyrxNRB\n" \
    "Qp9bGmj+Z98N8wd9KFw9YpQ7pXK/JTu+0QlTQrzmQHvJs3UdjgWCFWyqttkEOen7\n" \
    "tw2fAkBcFqr351SXMcDBDdKzYjJyevG790xyu9srE8oPyTs0+N++ACRpD3TXy/7b\n" \
    "a+qGs9X2CC0Jspk2M5rpJh3Rbtf1AkBSv68wdWCGxqADwMwwVs/p/swdDL87R/NK\n" \
    "FZJLKbs95cMpNps5ma4raxq3a1Wdf+vo7/YtI9qpKZJLzdLZZfw3AkA3AKwXbJce\n" \
    "i4XkqcqlkFhUyd7Ab0iHFWkXNv/vPzSopfmG9Mprdq27oBWLShPM45zSov8zV2Gw\n" \
    "XGT+2rCLUY9M\n" \
    "-----END PRIVATE KEY-----\n"
#define P256_PRIVATE \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgCuAdSOOS4b64IQZJ\n" \
    "xGcirn7/aINVbrQo7pRu6N3UztOhRANCAAToD0lIbXVJuc3QRWOkE+9s9aRZjWb2\n" \
    "K9lMPiiOoRVsOMsQXEYSjGeWfvGnp4IdzBvxF7Z2o01nt7J80UJdhVuI\n" \
    "-----END PRIVATE KEY-----\n"
#define P256_PUBLIC \
    "-----BEGIN PUBLIC KEY-----\n" \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE6A9JSG11SbnN0EVjpBPvbPWkWY1m\n" \
    "9ivZTD4ojqEVbDjLEFxGEoxnln7xp6eCHcwb8Re2dqNNZ7eyfNFCXYVbiA==\n" \
    "-----END PUBLIC KEY-----\n"
#define P384_PRIVATE \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDBECCsy2udFbh3WNvQT\n" \
    "L9d+hfluwhfzMH/1vgCCg3UCMT97RmLU1nrH5kwXOPXELDqhZANiAAQ7qiyEp4Vd\n" \
    "Cbk80NreDCi2iuLL4yTSNTKtXLZuPy2pTUApjfGG2MTkM55R/idPS8TVb/1Nx13U\n" \
    "h3w3y47idmlxOAR/zDl3BFRv5nmrtpF8+0PMw088YzqnmwerHkc2sgQ=\n" \
    "-----END PRIVATE KEY-----\n"
#define P384_PUBLIC \
    "-----BEGIN PUBLIC KEY-----\n" \
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEO6oshKeFXQm5PNDa3gwotoriy+Mk0jUy\n" \
    "rVy2bj8tqU1AKY3xhtjE5DOeUf4nT0vE1W/9Tcdd1Id8N8uO4nZpcTgEf8w5dwRU\n" \
    "b+Z5q7aRfPtDzMNPPGM6p5sHqx5HNrIE\n" \
    "-----END PUBLIC KEY-----\n"
#define K256_PRIVATE \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIGEAgEAMBAGByqGSM49AgEGBSuBBAAKBG0wawIBAQQgJZwUVOui6s9URRj38DpE\n" \
    "wUA9GYQ8y5jmvprYuvIBFzqhRANCAATlkSfv+TnhaxYmODMvgEFcBOlAP6loGqqB\n" \
    "XS7LhIrAeKLQJpwoaEsSj8Jzx8skJVu/C6+wZxdmmCj/+k7cE15h\n" \
    "-----END PRIVATE KEY-----\n"
#define ED_PRIVATE \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MC4CAQAwBQYDK2VwBCIEIO4pagoUnT3Wk5Bu/ijDx24j+++AmmAenFoEo54Rt41y\n" \
    "-----END PRIVATE KEY-----\n"
#define ED_PUBLIC \
    "-----BEGIN PUBLIC KEY-----\n" \
    "MCowBQYDK2VwAyEAeePTQODrOsnhd3bGVycwslyWf+zmMgpTO5L2JKmgE0A=\n" \
    "-----END PUBLIC KEY-----\n"
#define ED_LOCKED \
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n" \
    "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhV+urhCYtEZQICCAAw\n" \
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEPDnGp7EGkIRRzS97IcQ1lYEQPVd\n" \
    "gAHxzBsHdxCoOoSKXH9B2mbRhSjgkoUf1t2Omjbu9eM/SSw5ugxkvXeF0FkDRbV0\n" \
    "JPP23WVp3DMdg2CJ+EY=\n" \
    "-----END ENCRYPTED PRIVATE KEY-----\n"
#define X25519_PRIVATE \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MC4CAQAwBQYDK2VuBCIEIDjcdu5glIz+Zej4Q+nHVm7guso+lVX6bABPLmFrRc5v\n" \
    "-----END PRIVATE KEY-----\n"
#define RFC_P256_PUBLIC \
    "-----BEGIN PUBLIC KEY-----\n" \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n" \
    "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n" \
    "-----END PUBLIC KEY-----\n"
#define RFC_ED_PRIVATE \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n" \
    "-----END PRIVATE KEY-----\n"
#define RFC_ED_PUBLIC \
    "-----BEGIN PUBLIC KEY-----\n" \
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n" \
    "-----END PUBLIC KEY-----\n"

/* {"sub":"ann","exp":2000000000}, signed with RSA_PRIVATE by openssl dgst -sign. */
#define TOKEN_RS256 \
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDB9." \
    "IU6UnlOtK69ockOC9bVPpIU62iVmWmciMH9BqnQNKEbo-jsgrHMWDTEtApKmRvafmrOlqD84Ht_QHwlRvynMELcP9n" \
    "iDT4p_MFRX1FVh3-SQ18Sqw5QO4VOzE7B-DF_ztLMd3yu0GHX9SWCOpDpNfsquqkiphBIH0DCX1CmJAEZWz3cL1FD7" \
    "IrzjtF8-o_iIQK-4XwhzM5imaw8pUBFAoO3CxsUJHyzcF_yPmoB07uWOn55bo5HGGs3-Pi8hyLEBPBYxuf-pqKrEc_" \
    "0t2OA3QioFM2rw4GixY8h6bzcl-JfxmdtdcgB1kMAvsYyewHU9VeR4Ri51Ct6bHKkizkdIMA"
#define TOKEN_RS384 \
    "eyJhbGciOiJSUzM4NCJ9.eyJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDB9." \
    "HuO0VDJdKmqiIIN8ANNrO0HFfMBzznYgEYqMUt7KRq9KzjL4gfp9fGZ2NYivopEZjzaIiN1vyYigMOyzlW7wXJ9khl" \
    "ntVWUqlhEh88i_snxnNfLIce2iWo3w8bSSq5DFn9ItdAC8Fj7VYjiuR7I9rwzKC-LbuUjZG8iG3A7dB3WwnWFTAZMu" \
    "lYWbggcdUXnAi8KIfQPW295SYTYIzAPjbm_2767GP9MO_caprDTfJrI_e0oVbJ-5qQyStIDPmDd77La04by1PAP8M1" \
    "IRkxZK3Daw3t4DBgLiFmwR5Jo3a4gi9LXt66pTXBCAlwl-AiNpb2kg-H0qIfeqjgbc0kc5Jw"
#define TOKEN_RS512 \
    "eyJhbGciOiJSUzUxMiJ9.eyJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDB9." \
    "TtEF1sTV5Ee9r1QIyrdXP8DJO-a5qeTad7ApWP078x_M64XqMt7-RO3u7d6_ZkcCsgil7nEVn1MMtFrCigH2xrZvH2" \
    "pNe6ILo0ZSHX0Vk1KCBcqOC8_dZc6aIMmP9GHLd_5f7EHvRuBiaQabM-s2rHPI3YRC8O9Ll3WgBQZFggonwU1kBw23" \
    "dWt1C5WSPx8l8ti5Z1XUtW-QL79W_14xZ8xuZnX6ZELsr0XjNXP-UK0uYX3r-1GjCiqqYyqTmCjj9yDImCf5elBVmz" \
    "tmzJFflTmLegnRseoPv-2V72OFp4WTvKD8FU_X6h8jGwChfDXoZH9ni9vmGQ4oNFxiEFgt_A"
#define TOKEN_PS256 \
    "eyJhbGciOiJQUzI1NiJ9.eyJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDB9." \
    "Zi3w68wZPX5-QHxRminkxdz8nrKo-NoWmCGuJ5a98GNGtN5iBK6S_wR-mM9vAO7-Qy8KpVoQvNndSmmVnSkqMo9X9G" \
    "S37RL--Pyo2UnMNrXxkQ0yvaCI9qQpGXT35YVFlC4gbegEgzXykSgsCdW6-dQYNwqGTO6GykWhCA_90Ukb5b_3TXJI" \
    "JiNCpvUY28FU70rnMjCuiIzg_z7oZjfg_UAfIvlQvZlGQjZF2G2V2gReoriGUSHxBa9O-qRzjQNo6EZbtBwBzCz77y" \
    "yxexcodwR3sRSTPY8j59WL5tgHbYagSzafIIzQIf0mElcmvY_FMxa-DM_Fmqkl0xrbFU2j8A"
#define TOKEN_PS384 \
    "eyJhbGciOiJQUzM4NCJ9.eyJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDB9." \
    "VA3Odm_MwWA9XmlZ6Sp4FrFKBJlKaN1_N1qd-yHopclkKu7aRNJI6w6ElYEOLPVqzrdanLPiFFrjcAI0-afTwS9U_e" \
    "Jr_jadXZxNVc_VRUOHRbi-5RgFr43m8BuRlDZ8Uih4OgUFwzku5SqoV9xVWzPSC9pSsv63kxCLrDvCdnTtHGI9Vefb" \
    "rcn5dS0JUnSi-2I-kB-ZcdOTRcPFWMw7HSPYCgkn1-MnxTYmXMbNXsZ650CkN--y75BpOBblOliITMZzJZUUF1AjhI" \
    "gTWhY6yWkLWCKmhNYxvtZO6NN-WH80oIkfg6_s05t8Ple_O4YuaNVorlZxzfzyqjbS1q4sRw"
#define TOKEN_PS512 \
    "eyJhbGciOiJQUzUxMiJ9.eyJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDB9." \
    "FzWRq9U3QPsquaksE_S-8n_QPmXRTvEX9843AwNiZXxoVUoEIXLQ-iTP3Wp7j2EZVAA7N3PVChKywFQ4skIPpm2mY5" \
    "mrdoF9j9MCzKoK2_eDZK8_xEjn3Etp2EVGQINIezqGs1Q-W_SAB2xIREMZ8oFy2kNsLNidQCQAL8OeYZsZ0h5Fvz6O" \
    "gxHCJ3lmaoYX-fgQHlDpQ3xC2MJKSt57RuJA0mXBsCwHpIqADhGzYaq6Vbvfjmb0sdDpWW6GAGG5ElbVc6FsMzuTyQ" \
    "ED3GTTn8iM9KsCsuWke20eA6CPVlLasSv3bRNcyj_4dWF_fYdxASIeAttS5dLOZAFjZRgzVw"
#endif
