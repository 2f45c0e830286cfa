/*
 * libmtasts: MTA-STS (RFC 8461) for mail servers. It makes the decisions; you do DNS, HTTPS, SMTP and TLS.
 *
 * This file is generated from the library. The conventions, for every function:
 *
 * Objects. Every struct is opaque, except mtasts_bytes. A function that returns an object, as its result or through a
 * parameter "mtasts_thing **thing", transfers ownership to the caller, who frees it with mtasts_thing_free(); passing NULL
 * there is fine. A returned "const" object is owned by the object that it was taken from, and so is a "const char *": it is
 * NUL-terminated, and valid until that object is freed. Arguments remain the caller's, and are not kept.
 *
 * Results. A function that can fail returns a mtasts_status: MTASTS_OK is 0. Its results are only written on success.
 * The previous value of the variable is overwritten, not freed: free an object before you reuse its variable.
 * A last parameter "mtasts_error **error" may be NULL; on failure only, it is set to an object with details, which you
 * free with mtasts_error_free(). If you initialise such variables with NULL, you can free them in any case. Getters cannot
 * fail: each describes its result for NULL. Predicates return 1 or 0.
 *
 * Inputs. Octets from the network are a pointer and a length; the pointer may be NULL when the length is 0. Names are
 * NUL-terminated, in UTF-8. NULL anywhere else is MTASTS_ERR_NULL, never a crash. Times are seconds since
 * 1970-01-01T00:00:00Z: the library does not read the clock.
 *
 * Numbers. Codes are fixed-width integers and never enum types; each group has a name, such as mtasts_mode for the
 * MTASTS_MODE_ numbers. New numbers, and new codes of mtasts_status_code(), may be added: expect unknown ones, and if one
 * would decide about mail, keep the mail in the queue.
 *
 * Threads. An object passed as "const" may be used by many threads at once; any other by one at a time. mtasts_cache
 * locks internally. The library has no global state, starts no threads, has no callbacks and handles no signals.
 *
 * fork(). After the fork of a single-threaded process, the child may use every object, each process having its own copy.
 * After the fork of a multi-threaded process, the child may only use objects that no other thread could have been using;
 * a mtasts_cache that threads share is not one of them: create a new one.
 *
 * Bugs. A panic in the library results in MTASTS_ERR_PANIC (and a line on standard error); the object that was being
 * changed is poisoned and can only be freed: MTASTS_ERR_POISONED. If memory runs out, the process is aborted.
 */

#ifndef MTASTS_H
#define MTASTS_H

#include <stddef.h>
#include <stdint.h>

/* The version of this header; mtasts_version() is that of the library. */

#define MTASTS_VERSION "0.1.0"
#define MTASTS_VERSION_MAJOR 0
#define MTASTS_VERSION_MINOR 1
#define MTASTS_VERSION_PATCH 0
#define MTASTS_VERSION_NUMBER (MTASTS_VERSION_MAJOR * 65536 + MTASTS_VERSION_MINOR * 256 + MTASTS_VERSION_PATCH)

/* Errors in an input: 101 names, 201 records, 301 policies, 401 responses, 701 entries, 801 calls of a lookup, 1201 Postfix, 1301 TLSRPT records, 1321 TLS reports, 1341 datagrams of libtlsrpt, 1351 tallies, 1361 senders of reports, 1366 their mail, 1501 policies to be published, 1521 histories of them. */

/** The name is empty. */
#define MTASTS_ERR_EMPTY_NAME 101

/** The name is longer than DNS can carry. */
#define MTASTS_ERR_NAME_TOO_LONG 102

/** The name has an empty label. */
#define MTASTS_ERR_EMPTY_LABEL 103

/** A label of the name is longer than 63 octets. */
#define MTASTS_ERR_LABEL_TOO_LONG 104

/** The name has a character that is not allowed in a host name. */
#define MTASTS_ERR_BAD_CHARACTER 105

/** A label of the name begins or ends with a hyphen. */
#define MTASTS_ERR_HYPHEN_AT_EDGE 106

/** This is an address, not a name. */
#define MTASTS_ERR_ADDRESS_LITERAL 107

/** The name has a U-label, and this build does not support IDNA. */
#define MTASTS_ERR_U_LABEL_UNSUPPORTED 108

/** The name has a U-label that IDNA cannot turn into an A-label. */
#define MTASTS_ERR_BAD_U_LABEL 109

/** The pattern has a U-label where only A-labels are allowed. */
#define MTASTS_ERR_U_LABEL 110

/** The pattern has a star that is not its whole first label. */
#define MTASTS_ERR_BAD_WILDCARD 111

/** The address has no domain. */
#define MTASTS_ERR_MISSING_DOMAIN 112

/** No TXT record is an MTA-STS record. */
#define MTASTS_ERR_NO_RECORD 201

/** More than one TXT record is an MTA-STS record. */
#define MTASTS_ERR_SEVERAL_RECORDS 202

/** The record does not begin with `v=STSv1` and a semicolon. */
#define MTASTS_ERR_BAD_VERSION 203

/** The record has no `id`. */
#define MTASTS_ERR_MISSING_ID 204

/** The `id` is not 1 to 32 letters and digits. */
#define MTASTS_ERR_BAD_ID 205

/** A field is empty: there is nothing between two semicolons. */
#define MTASTS_ERR_EMPTY_FIELD 206

/** A field has no equals sign. */
#define MTASTS_ERR_FIELD_WITHOUT_VALUE 207

/** There is white space next to an equals sign. */
#define MTASTS_ERR_SPACE_AROUND_EQUALS 208

/** A field name is not 1 to 32 letters, digits, `_`, `-` and `.`, the first a letter or a digit. */
#define MTASTS_ERR_BAD_FIELD_NAME 209

/** A field value is empty or has a character that is not allowed in it. */
#define MTASTS_ERR_BAD_FIELD_VALUE 210

/** There is white space after the last field, and no semicolon. */
#define MTASTS_ERR_TRAILING_SPACE 211

/** The policy is longer than the maximum. */
#define MTASTS_ERR_POLICY_TOO_LARGE 301

/** The policy is not UTF-8. */
#define MTASTS_ERR_NOT_UTF8 302

/** A line has a control character. */
#define MTASTS_ERR_CONTROL_CHARACTER 303

/** A line has no colon. */
#define MTASTS_ERR_LINE_WITHOUT_COLON 304

/** There is white space before a field name. */
#define MTASTS_ERR_SPACE_BEFORE_NAME 305

/** There is white space before a colon. */
#define MTASTS_ERR_SPACE_BEFORE_COLON 306

/** A field name is not 1 to 32 letters, digits, `_`, `-` and `.`, the first a letter or a digit. */
#define MTASTS_ERR_BAD_POLICY_FIELD_NAME 307

/** A field has no value. */
#define MTASTS_ERR_EMPTY_VALUE 308

/** The version is not `STSv1`. */
#define MTASTS_ERR_BAD_POLICY_VERSION 309

/** The mode is none of `enforce`, `testing` and `none`. */
#define MTASTS_ERR_BAD_MODE 310

/** The `max_age` is not 1 to 10 digits. */
#define MTASTS_ERR_BAD_MAX_AGE 311

/** An mx is neither a host name nor `*.` with a domain. */
#define MTASTS_ERR_BAD_MX 312

/** The policy has no version. */
#define MTASTS_ERR_MISSING_VERSION 313

/** The policy has no mode. */
#define MTASTS_ERR_MISSING_MODE 314

/** The policy has no `max_age`. */
#define MTASTS_ERR_MISSING_MAX_AGE 315

/** The policy has no mx, and its mode is not none. */
#define MTASTS_ERR_MISSING_MX 316

/** A line is empty or blank. */
#define MTASTS_ERR_BLANK_LINE 317

/** The policy begins with a byte order mark. */
#define MTASTS_ERR_BYTE_ORDER_MARK 318

/** An mx ends with a dot. */
#define MTASTS_ERR_MX_TRAILING_DOT 319

/** An mx has an underscore. */
#define MTASTS_ERR_MX_UNDERSCORE 320

/** The HTTP status is not 200. */
#define MTASTS_ERR_HTTP_STATUS 401

/** The response is a redirect. */
#define MTASTS_ERR_HTTP_REDIRECT 402

/** The media type is not text/plain. */
#define MTASTS_ERR_MEDIA_TYPE 403

/** The response has no media type. */
#define MTASTS_ERR_MISSING_MEDIA_TYPE 404

/** The body is longer than the limit. */
#define MTASTS_ERR_BODY_TOO_LARGE 405

/** The body is not a valid policy. */
#define MTASTS_ERR_INVALID_POLICY 406

/** The text does not begin like a cache entry. */
#define MTASTS_ERR_NOT_AN_ENTRY 701

/** The entry has a version that this crate does not support. */
#define MTASTS_ERR_UNKNOWN_ENTRY_VERSION 702

/** A header line of the entry is not valid. */
#define MTASTS_ERR_BAD_ENTRY_HEADER 703

/** The entry is truncated. */
#define MTASTS_ERR_TRUNCATED_ENTRY 704

/** There is text after the policy of the entry. */
#define MTASTS_ERR_TRAILING_ENTRY_BYTES 705

/** The policy in the entry is not valid. */
#define MTASTS_ERR_INVALID_ENTRY_POLICY 706

/** A header line of the entry is missing. */
#define MTASTS_ERR_INCOMPLETE_ENTRY 707

/** The entry belongs to another domain. */
#define MTASTS_ERR_ENTRY_OF_OTHER_DOMAIN 708

/** A header line of the entry is repeated. */
#define MTASTS_ERR_DUPLICATE_ENTRY_HEADER 709

/** The input does not answer the current query. */
#define MTASTS_ERR_UNEXPECTED_INPUT 801

/** The lookup is done and takes no more inputs. */
#define MTASTS_ERR_ALREADY_DONE 802

/** Every name to match is a keyword that Postfix replaces by another name. */
#define MTASTS_ERR_NO_USABLE_MX 1201

/** The policy covers none of the MX hosts. */
#define MTASTS_ERR_NO_PERMITTED_HOST 1202

/** The answer is longer than the maximum of Postfix. */
#define MTASTS_ERR_ANSWER_TOO_LONG 1203

/** The domain has only digits, which Postfix does not accept. */
#define MTASTS_ERR_NUMERIC_DOMAIN 1204

/** No TXT record is a TLSRPT record. */
#define MTASTS_ERR_NO_TLSRPT_RECORD 1301

/** More than one TXT record is a TLSRPT record. */
#define MTASTS_ERR_SEVERAL_TLSRPT_RECORDS 1302

/** The record does not begin with `v=TLSRPTv1` and a semicolon. */
#define MTASTS_ERR_BAD_TLSRPT_VERSION 1303

/** The record has no `rua`. */
#define MTASTS_ERR_MISSING_RUA 1304

/** The `rua` has no URI to which a report can be sent. */
#define MTASTS_ERR_NO_USABLE_RUA 1305

/** A field is empty: there is nothing between two semicolons. */
#define MTASTS_ERR_EMPTY_TLSRPT_FIELD 1306

/** A field has no equals sign. */
#define MTASTS_ERR_TLSRPT_FIELD_WITHOUT_VALUE 1307

/** There is white space next to an equals sign. */
#define MTASTS_ERR_SPACE_AROUND_TLSRPT_EQUALS 1308

/** A field name is not 1 to 32 letters, digits, `_`, `-` and `.`, the first a letter or a digit. */
#define MTASTS_ERR_BAD_TLSRPT_FIELD_NAME 1309

/** A field value is empty or has a character that is not allowed in it. */
#define MTASTS_ERR_BAD_TLSRPT_FIELD_VALUE 1310

/** There is white space after the last field, and no semicolon. */
#define MTASTS_ERR_TRAILING_TLSRPT_SPACE 1311

/** The report is longer than the limit. */
#define MTASTS_ERR_REPORT_TOO_LARGE 1321

/** The report is not valid JSON. */
#define MTASTS_ERR_BAD_JSON 1322

/** The JSON of the report is truncated. */
#define MTASTS_ERR_JSON_ENDS_EARLY 1323

/** The report is JSON, but not an object. */
#define MTASTS_ERR_REPORT_NOT_AN_OBJECT 1324

/** The report has no array of policies. */
#define MTASTS_ERR_MISSING_POLICIES 1325

/** The report has more than 32 nested objects and arrays. */
#define MTASTS_ERR_REPORT_TOO_DEEP 1326

/** The report has more policies than the limit. */
#define MTASTS_ERR_TOO_MANY_POLICIES 1327

/** The report has more failure details than the limit. */
#define MTASTS_ERR_TOO_MANY_FAILURE_DETAILS 1328

/** The report lacks a member that RFC 8460 requires. */
#define MTASTS_ERR_MISSING_REPORT_MEMBER 1331

/** The period of the report is not one day of UTC that RFC 3339 can express. */
#define MTASTS_ERR_REPORT_NOT_OF_ONE_DAY 1332

/** The contact is not a mail address with a domain. */
#define MTASTS_ERR_BAD_REPORT_CONTACT 1333

/** A name is not a host name in A-labels without a trailing dot. */
#define MTASTS_ERR_BAD_REPORT_NAME 1334

/** A pattern is not a valid mx of a policy. */
#define MTASTS_ERR_BAD_REPORT_PATTERN 1335

/** A type is not registered by RFC 8460. */
#define MTASTS_ERR_UNKNOWN_REPORT_WORD 1336

/** An address is not an IP address. */
#define MTASTS_ERR_BAD_REPORT_ADDRESS 1337

/** A text is empty, too long, or has characters that are not allowed in it. */
#define MTASTS_ERR_BAD_REPORT_TEXT 1338

/** A policy that is not an MTA-STS policy has mx patterns. */
#define MTASTS_ERR_UNEXPECTED_REPORT_PATTERNS 1339

/** The failure details count fewer sessions than failed. */
#define MTASTS_ERR_REPORT_DETAILS_BELOW_TOTAL 1340

/** The datagram is longer than 64 KiB. */
#define MTASTS_ERR_DATAGRAM_TOO_LONG 1341

/** The datagram is not JSON. */
#define MTASTS_ERR_DATAGRAM_NOT_JSON 1342

/** A member of the datagram is missing, repeated or has the wrong type. */
#define MTASTS_ERR_BAD_DATAGRAM_MEMBER 1343

/** The version of the datagram is not 1. */
#define MTASTS_ERR_UNKNOWN_DATAGRAM_VERSION 1344

/** The recipient domain of the datagram is not a domain. */
#define MTASTS_ERR_BAD_DATAGRAM_DOMAIN 1345

/** The datagram has a policy type that reports do not support. */
#define MTASTS_ERR_UNKNOWN_DATAGRAM_POLICY_TYPE 1346

/** The datagram has no policy, so there is nothing to count. */
#define MTASTS_ERR_DATAGRAM_WITHOUT_POLICY 1347

/** The text does not begin like a tally. */
#define MTASTS_ERR_NOT_A_TALLY 1351

/** The text has a version that this crate does not support. */
#define MTASTS_ERR_UNKNOWN_TALLY_VERSION 1352

/** The text ends in the middle of a line. */
#define MTASTS_ERR_TRUNCATED_TALLY 1353

/** A line of the text is not valid. */
#define MTASTS_ERR_BAD_TALLY_LINE 1354

/** The contact is not a plain mail address such as `tls-reports@example.com`. */
#define MTASTS_ERR_BAD_SENDER_CONTACT 1361

/** The name of the organisation is empty, longer than 255 octets, or has a control character. */
#define MTASTS_ERR_BAD_SENDER_ORGANIZATION 1362

/** The domain of the report's contact is not that of the sender. */
#define MTASTS_ERR_OTHER_REPORT_SUBMITTER 1366

/** The id of the report is not allowed in a subject. */
#define MTASTS_ERR_BAD_REPORT_ID 1367

/** The report has no period. */
#define MTASTS_ERR_MISSING_REPORT_PERIOD 1368

/** The policy names no MX host, and its mode is not none. */
#define MTASTS_ERR_NO_HOSTS_IN_DRAFT 1501

/** A host name can never match an MX host. */
#define MTASTS_ERR_HOST_NEVER_MATCHES 1502

/** The host name has a single label, so senders do not find the host. */
#define MTASTS_ERR_SINGLE_LABEL_HOST 1503

/** The host name has an underscore, for which senders refuse the whole policy. */
#define MTASTS_ERR_UNDERSCORE_IN_HOST 1504

/** The pattern is not a wildcard. */
#define MTASTS_ERR_NOT_A_WILDCARD 1505

/** Anybody may register names that the wildcard covers. */
#define MTASTS_ERR_DRAFT_WILDCARD_TOO_WIDE 1506

/** The wildcard covers none of the MX hosts. */
#define MTASTS_ERR_UNUSED_WILDCARD 1507

/** The `max_age` is less than a day or more than a year. */
#define MTASTS_ERR_DRAFT_MAX_AGE 1508

/** The policy is longer than 65,536 octets, which many senders refuse. */
#define MTASTS_ERR_DRAFT_TOO_LARGE 1509

/** The text does not begin like a history. */
#define MTASTS_ERR_NOT_A_HISTORY 1521

/** The history has a version that this crate does not support. */
#define MTASTS_ERR_UNKNOWN_HISTORY_VERSION 1522

/** The history is truncated. */
#define MTASTS_ERR_TRUNCATED_HISTORY 1523

/** A line of the history is not valid. */
#define MTASTS_ERR_BAD_HISTORY_LINE 1524

/** A line of the history is repeated, or contradicts another one. */
#define MTASTS_ERR_DUPLICATE_HISTORY_LINE 1525

/* Reasons why a Policy Host gave no response. */

/** The Policy Host has no address. */
#define MTASTS_FETCH_POLICY_HOST_NOT_FOUND 501

/** The address lookup of the Policy Host failed. */
#define MTASTS_FETCH_POLICY_HOST_DNS_FAILED 502

/** No connection to the Policy Host could be made. */
#define MTASTS_FETCH_CONNECT_FAILED 503

/** The Policy Host did not answer in time. */
#define MTASTS_FETCH_TIMEOUT 504

/** The certificate of the Policy Host has expired. */
#define MTASTS_FETCH_POLICY_HOST_CERTIFICATE_EXPIRED 505

/** The certificate of the Policy Host is for other names. */
#define MTASTS_FETCH_POLICY_HOST_CERTIFICATE_HOST_MISMATCH 506

/** The certificate of the Policy Host is not trusted. */
#define MTASTS_FETCH_POLICY_HOST_CERTIFICATE_NOT_TRUSTED 507

/** The TLS handshake with the Policy Host failed. */
#define MTASTS_FETCH_POLICY_HOST_TLS_FAILED 508

/** The Policy Host sent a body longer than the limit. */
#define MTASTS_FETCH_POLICY_HOST_BODY_TOO_LARGE 509

/** The response of the Policy Host is not valid HTTP. */
#define MTASTS_FETCH_HTTP_PROTOCOL 510

/** The sender could not contact the Policy Host, because of a local fault. */
#define MTASTS_FETCH_LOCAL_FAULT 511

/** The Policy Host has only private addresses, which this sender refuses. */
#define MTASTS_FETCH_POLICY_HOST_ADDRESS_REFUSED 512

/* Reasons why DNS gave no answer. */

/** DNS did not answer in time. */
#define MTASTS_TXT_DNS_TIMEOUT 601

/** DNS answered SERVFAIL. */
#define MTASTS_TXT_DNS_SERVFAIL 602

/** The DNS answer failed DNSSEC validation. */
#define MTASTS_TXT_DNS_BOGUS 603

/** DNS gave no usable answer. */
#define MTASTS_TXT_DNS_UNUSABLE 604

/** The sender could not query DNS, because of a local fault. */
#define MTASTS_TXT_DNS_LOCAL_FAULT 605

/* Reasons why a session fails a requirement. */

/** The MX host is not covered by the policy. */
#define MTASTS_FAULT_MX_MISMATCH 901

/** The MX host did not offer STARTTLS. */
#define MTASTS_FAULT_STARTTLS_NOT_OFFERED 902

/** The MX host offered STARTTLS but rejected the command. */
#define MTASTS_FAULT_STARTTLS_REFUSED 903

/** The TLS handshake with the MX host failed. */
#define MTASTS_FAULT_TLS_HANDSHAKE_FAILED 904

/** The TLS version is older than 1.2. */
#define MTASTS_FAULT_TLS_VERSION_TOO_OLD 905

/** The certificate of the MX host has expired. */
#define MTASTS_FAULT_CERTIFICATE_EXPIRED 906

/** The certificate of the MX host is not valid yet. */
#define MTASTS_FAULT_CERTIFICATE_NOT_YET_VALID 907

/** The certificate of the MX host is for other names. */
#define MTASTS_FAULT_CERTIFICATE_HOST_MISMATCH 908

/** The certificate of the MX host is not trusted. */
#define MTASTS_FAULT_CERTIFICATE_NOT_TRUSTED 909

/** The certificate of the MX host was not checked. */
#define MTASTS_FAULT_CERTIFICATE_NOT_CHECKED 910

/** The certificate of the MX host does not match its TLSA records. */
#define MTASTS_FAULT_DANE_FAILED 911

/** The TLSA records of the MX host could not be looked up. */
#define MTASTS_FAULT_DANE_LOOKUP_FAILED 912

/** The MX host is authenticated neither by DNSSEC nor by an MTA-STS policy. */
#define MTASTS_FAULT_MX_NOT_AUTHENTICATED 913

/** The MX host did not offer REQUIRETLS. */
#define MTASTS_FAULT_REQUIRETLS_NOT_OFFERED 914

/** Whether the domain has a policy could not be determined. */
#define MTASTS_FAULT_POLICY_UNKNOWN 915

/** The certificate of the MX host was not compared with its TLSA records. */
#define MTASTS_FAULT_DANE_NOT_CHECKED 916

/* Reasons why no policy applies to a message. */

/** The domain has no MTA-STS record. */
#define MTASTS_NO_POLICY_NO_RECORD 1001

/** The MTA-STS record of the domain is not valid. */
#define MTASTS_NO_POLICY_INVALID_RECORD 1002

/** The domain has more than one MTA-STS record. */
#define MTASTS_NO_POLICY_SEVERAL_RECORDS 1003

/** The DNS query for the policy of the domain failed. */
#define MTASTS_NO_POLICY_DNS_FAILED 1004

/** The domain has a policy, but it could not be fetched. */
#define MTASTS_NO_POLICY_FETCH_FAILED 1005

/** The last fetch of this policy failed recently. */
#define MTASTS_NO_POLICY_BACKING_OFF 1006

/** The domain has a policy, but this sender could not fetch it, because of a local fault. */
#define MTASTS_NO_POLICY_LOCAL_FAULT 1007

/* Kinds of findings, in addition to the MTASTS_ERR_ numbers. */

/** There are more findings than are shown. */
#define MTASTS_LINT_MORE_FINDINGS 1101

/** The text is HTML or XML. */
#define MTASTS_LINT_HTML 1102

/** The text is RTF, a word processor format. */
#define MTASTS_LINT_RTF 1103

/** The text is JSON. */
#define MTASTS_LINT_JSON 1104

/** The text begins with front matter of a site generator. */
#define MTASTS_LINT_FRONT_MATTER 1105

/** The text is UTF-16. */
#define MTASTS_LINT_UTF_16 1106

/** The text is a TXT record instead of a policy. */
#define MTASTS_LINT_RECORD_AS_POLICY 1107

/** The text is a policy instead of a TXT record. */
#define MTASTS_LINT_POLICY_AS_RECORD 1108

/** The policy is longer than 65,536 octets. */
#define MTASTS_LINT_LARGE_POLICY 1109

/** The line is a comment, which policies do not support. */
#define MTASTS_LINT_COMMENT 1110

/** The line is an item of a YAML list. */
#define MTASTS_LINT_YAML_LIST 1111

/** There is an equals sign instead of a colon. */
#define MTASTS_LINT_EQUALS_FOR_COLON 1112

/** Several fields are on one line. */
#define MTASTS_LINT_FIELDS_ON_ONE_LINE 1113

/** There is an escape such as `\n` instead of a line end. */
#define MTASTS_LINT_ESCAPED_LINE_END 1114

/** A line ends with CR, which is not a line end. */
#define MTASTS_LINT_BAD_LINE_END 1115

/** There is a Unicode line or paragraph separator, which is not a line end. */
#define MTASTS_LINT_UNICODE_LINE_END 1116

/** Some lines end with LF and some with CRLF. */
#define MTASTS_LINT_MIXED_LINE_ENDS 1117

/** There is white space at the end of a line. */
#define MTASTS_LINT_TRAILING_WHITE_SPACE 1118

/** A colon is not followed by exactly one space. */
#define MTASTS_LINT_UNUSUAL_DELIMITER 1119

/** There is an invisible character. */
#define MTASTS_LINT_INVISIBLE_CHARACTER 1120

/** There is a typographic quote, dash or colon. */
#define MTASTS_LINT_TYPOGRAPHIC_CHARACTER 1121

/** A value has characters other than ASCII. */
#define MTASTS_LINT_NON_ASCII 1122

/** The version is not the first field. */
#define MTASTS_LINT_VERSION_NOT_FIRST 1123

/** A field that may appear only once is repeated. */
#define MTASTS_LINT_DUPLICATE_FIELD 1124

/** A field is unknown to senders. */
#define MTASTS_LINT_UNKNOWN_FIELD 1125

/** A field name has upper-case letters. */
#define MTASTS_LINT_FIELD_NAME_CASE 1126

/** A field name looks like a misspelt known one. */
#define MTASTS_LINT_MISSPELT_FIELD 1127

/** A field is in the wrong place: `id` belongs in the record, the others in the policy. */
#define MTASTS_LINT_MISPLACED_FIELD 1128

/** The text follows an early draft of the RFC. */
#define MTASTS_LINT_OLD_DRAFT 1129

/** A keyword has the wrong case. */
#define MTASTS_LINT_VALUE_CASE 1130

/** There are quotes around a value. */
#define MTASTS_LINT_QUOTED_VALUE 1131

/** There are brackets around a value. */
#define MTASTS_LINT_BRACKETED_VALUE 1132

/** A value ends with a comma or a semicolon. */
#define MTASTS_LINT_TRAILING_PUNCTUATION 1133

/** A placeholder of an example was not replaced. */
#define MTASTS_LINT_PLACEHOLDER 1134

/** The mode is testing: failures are reported, but mail is not protected. */
#define MTASTS_LINT_TESTING_MODE 1135

/** The `max_age` is short. */
#define MTASTS_LINT_SHORT_MAX_AGE 1136

/** The `max_age` is 0. */
#define MTASTS_LINT_ZERO_MAX_AGE 1137

/** The `max_age` is longer than half a year. */
#define MTASTS_LINT_LONG_MAX_AGE 1138

/** The `max_age` is above the maximum of 31557600. */
#define MTASTS_LINT_CLAMPED_MAX_AGE 1139

/** There is an mx, although the mode is none. */
#define MTASTS_LINT_MX_WITH_MODE_NONE 1140

/** An mx is repeated. */
#define MTASTS_LINT_DUPLICATE_MX 1141

/** An mx has upper-case letters. */
#define MTASTS_LINT_UPPER_CASE_MX 1142

/** An mx has a single label. */
#define MTASTS_LINT_SINGLE_LABEL_MX 1143

/** An mx is a wildcard, which covers exactly one more label. */
#define MTASTS_LINT_WILDCARD_MX 1144

/** A wildcard covers every domain below a public suffix. */
#define MTASTS_LINT_WILDCARD_TOO_WIDE 1145

/** A wildcard misses hosts that are one level up or down. */
#define MTASTS_LINT_WILDCARD_MISSES_LEVEL 1146

/** A star is not the whole first label of a name. */
#define MTASTS_LINT_MISPLACED_WILDCARD 1147

/** One mx has several hosts. */
#define MTASTS_LINT_SEVERAL_HOSTS_IN_MX 1148

/** An mx has the preference number of a DNS record. */
#define MTASTS_LINT_MX_PREFERENCE 1149

/** An mx has a port. */
#define MTASTS_LINT_MX_PORT 1150

/** An mx is a URL. */
#define MTASTS_LINT_MX_URL 1151

/** An mx is a mail address. */
#define MTASTS_LINT_MX_MAIL_ADDRESS 1152

/** An mx is an IP address. */
#define MTASTS_LINT_MX_ADDRESS 1153

/** An mx has letters other than ASCII. */
#define MTASTS_LINT_MX_U_LABEL 1154

/** An mx begins with a dot, as wildcards did in drafts of the RFC. */
#define MTASTS_LINT_MX_LEADING_DOT 1155

/** There is white space before a semicolon. */
#define MTASTS_LINT_SPACE_BEFORE_SEMICOLON 1156

/** There is white space before the record. */
#define MTASTS_LINT_LEADING_WHITE_SPACE 1157

/** There is no semicolon after the version. */
#define MTASTS_LINT_MISSING_SEMICOLON 1158

/** There is a backslash before a semicolon. */
#define MTASTS_LINT_ESCAPED_SEMICOLON 1159

/** There is an SPF, DKIM, DMARC or TLSRPT record at this name. */
#define MTASTS_LINT_MISPLACED_RECORD 1160

/** A TXT record looks like an MTA-STS record but is not one. */
#define MTASTS_LINT_NEAR_RECORD 1161

/** There is a TXT record that has nothing to do with MTA-STS. */
#define MTASTS_LINT_OTHER_RECORD 1162

/** The charset is neither utf-8 nor us-ascii. */
#define MTASTS_LINT_OTHER_CHARSET 1163

/** There is a colon instead of an equals sign. */
#define MTASTS_LINT_COLON_FOR_EQUALS 1164

/** The text is a line of a zone file instead of the text of a record. */
#define MTASTS_LINT_ZONE_LINE 1165

/** The mode is none: mail is not protected. */
#define MTASTS_LINT_NONE_MODE 1166

/** No mx covers this MX host. */
#define MTASTS_LINT_MX_NOT_COVERED 1167

/** An mx is a name of a mail provider, but not like any of its MX hosts. */
#define MTASTS_LINT_PROVIDER_MX 1168

/** An mx is one of several MX hosts of a mail provider, and others are not covered. */
#define MTASTS_LINT_PART_OF_MX_SET 1169

/** A URI of the `rua` has no scheme. */
#define MTASTS_LINT_RUA_WITHOUT_SCHEME 1401

/** The scheme of a URI is neither `mailto` nor `https`. */
#define MTASTS_LINT_RUA_SCHEME 1402

/** A URI has an exclamation mark. */
#define MTASTS_LINT_RUA_EXCLAMATION_MARK 1403

/** A URI has white space. */
#define MTASTS_LINT_RUA_WHITE_SPACE 1404

/** A URI has a character that is not allowed in a URI. */
#define MTASTS_LINT_RUA_CHARACTER 1405

/** A `mailto` URI has no valid mail address. */
#define MTASTS_LINT_RUA_ADDRESS 1406

/** An `https` URI is not one that reports can be sent to. */
#define MTASTS_LINT_RUA_URL 1407

/** A URI is empty: there is nothing between two commas. */
#define MTASTS_LINT_EMPTY_RUA 1408

/** A URI is repeated. */
#define MTASTS_LINT_DUPLICATE_RUA 1409

/** The record has more than 8 URIs. */
#define MTASTS_LINT_MANY_RUAS 1410

/** Reports go to another domain. */
#define MTASTS_LINT_RUA_ELSEWHERE 1411

/** The TTL of the record is shorter than an hour. */
#define MTASTS_LINT_SHORT_TLSRPT_TTL 1412

/** The domain has an MTA-STS record but asks for no reports. */
#define MTASTS_LINT_MTA_STS_WITHOUT_TLSRPT 1413

/** The report is compressed with gzip. */
#define MTASTS_LINT_COMPRESSED_REPORT 1461

/** The mx-host has a pattern that the lines of the policy do not have. */
#define MTASTS_LINT_MX_HOST_DIFFERS 1462

/** The result type is none of policies of this type. */
#define MTASTS_LINT_RESULT_OF_OTHER_POLICY 1463

/** The failure details count no session. */
#define MTASTS_LINT_NO_FAILED_SESSION 1464

/** The policy has neither a success nor a failure. */
#define MTASTS_LINT_POLICY_WITHOUT_SESSIONS 1465

/** The report is about several domains. */
#define MTASTS_LINT_SEVERAL_POLICY_DOMAINS 1466

/* Deviations of a TLS report from RFC 8460. */

/** There are more deviations than are reported. */
#define MTASTS_DEVIATION_MORE_DEVIATIONS 1421

/** The report begins with a byte order mark. */
#define MTASTS_DEVIATION_REPORT_BYTE_ORDER_MARK 1422

/** There is text after the report. */
#define MTASTS_DEVIATION_TEXT_AFTER_REPORT 1423

/** A text is not UTF-8, or has an unpaired surrogate. */
#define MTASTS_DEVIATION_BROKEN_TEXT 1424

/** A text has a control character that is not escaped. */
#define MTASTS_DEVIATION_REPORT_CONTROL_CHARACTER 1425

/** A text is longer than the maximum, and is truncated. */
#define MTASTS_DEVIATION_TEXT_CUT 1426

/** A member of an object is repeated; the first counts. */
#define MTASTS_DEVIATION_DUPLICATE_MEMBER 1427

/** A member is not defined by RFC 8460. */
#define MTASTS_DEVIATION_UNKNOWN_MEMBER 1428

/** A member that RFC 8460 requires is missing. */
#define MTASTS_DEVIATION_MISSING_MEMBER 1429

/** A member is null. */
#define MTASTS_DEVIATION_NULL_MEMBER 1430

/** A text is empty instead of absent. */
#define MTASTS_DEVIATION_EMPTY_TEXT 1431

/** A value has another JSON type than RFC 8460 requires. */
#define MTASTS_DEVIATION_WRONG_TYPE 1432

/** There is a string instead of an array of strings. */
#define MTASTS_DEVIATION_STRING_FOR_ARRAY 1433

/** There is an object instead of an array of objects. */
#define MTASTS_DEVIATION_OBJECT_FOR_ARRAY 1434

/** There is a JSON array within a string. */
#define MTASTS_DEVIATION_ARRAY_IN_STRING 1435

/** A line contains a line feed. */
#define MTASTS_DEVIATION_LINE_FEED_IN_LINE 1436

/** An element has too little information to be counted. */
#define MTASTS_DEVIATION_EMPTY_ELEMENT 1437

/** The report has no policies. */
#define MTASTS_DEVIATION_NO_POLICIES 1438

/** The policy type is not registered by RFC 8460. */
#define MTASTS_DEVIATION_UNKNOWN_POLICY_TYPE 1439

/** The result type is not registered by RFC 8460. */
#define MTASTS_DEVIATION_UNKNOWN_RESULT_TYPE 1440

/** A policy that is not an MTA-STS policy has mx patterns. */
#define MTASTS_DEVIATION_MX_HOST_WITHOUT_STS 1441

/** The contact is not a mail address with a domain. */
#define MTASTS_DEVIATION_BAD_CONTACT_INFO 1442

/** A name is not written in A-labels without a trailing dot. */
#define MTASTS_DEVIATION_BAD_NAME_IN_REPORT 1443

/** An address is not an IP address. */
#define MTASTS_DEVIATION_BAD_IP_ADDRESS 1444

/** An IPv6 address is not in the form of RFC 5952. */
#define MTASTS_DEVIATION_UNUSUAL_IP_ADDRESS 1445

/** A time is not in the form of RFC 3339. */
#define MTASTS_DEVIATION_BAD_DATETIME 1446

/** A time is before 1970. */
#define MTASTS_DEVIATION_DATETIME_OUT_OF_RANGE 1447

/** A time has no zone; UTC is assumed. */
#define MTASTS_DEVIATION_DATETIME_WITHOUT_ZONE 1448

/** A time is not written like `2016-04-01T00:00:00Z`. */
#define MTASTS_DEVIATION_UNUSUAL_DATETIME 1449

/** The period ends at midnight; the second before is used. */
#define MTASTS_DEVIATION_END_AT_MIDNIGHT 1450

/** The period is not one day of UTC. */
#define MTASTS_DEVIATION_NOT_ONE_DAY 1451

/** The period ends before it starts. */
#define MTASTS_DEVIATION_PERIOD_REVERSED 1452

/** A count is a string. */
#define MTASTS_DEVIATION_COUNT_AS_STRING 1453

/** A count is written with a fraction or an exponent. */
#define MTASTS_DEVIATION_COUNT_AS_FRACTION 1454

/** A count is above 2^53 - 1, the maximum of I-JSON, which is used instead. */
#define MTASTS_DEVIATION_COUNT_TOO_LARGE 1455

/** A count is negative; 0 is used instead. */
#define MTASTS_DEVIATION_NEGATIVE_COUNT 1456

/** A count is not a whole number. */
#define MTASTS_DEVIATION_BAD_COUNT 1457

/** The failure details count fewer sessions than failed. */
#define MTASTS_DEVIATION_DETAILS_BELOW_TOTAL 1458

/* The result types of TLSRPT (RFC 8460, 4.3), by libtlsrpt's numbers. */

#define MTASTS_TLSRPT_STARTTLS_NOT_SUPPORTED 201
#define MTASTS_TLSRPT_CERTIFICATE_HOST_MISMATCH 202
#define MTASTS_TLSRPT_CERTIFICATE_NOT_TRUSTED 203
#define MTASTS_TLSRPT_CERTIFICATE_EXPIRED 204
#define MTASTS_TLSRPT_VALIDATION_FAILURE 205
#define MTASTS_TLSRPT_STS_POLICY_FETCH_ERROR 301
#define MTASTS_TLSRPT_STS_POLICY_INVALID 302
#define MTASTS_TLSRPT_STS_WEBPKI_INVALID 303
#define MTASTS_TLSRPT_TLSA_INVALID 304
#define MTASTS_TLSRPT_DNSSEC_INVALID 305
#define MTASTS_TLSRPT_DANE_REQUIRED 306

/* The policy types of TLSRPT (RFC 8460, 4.4), by libtlsrpt's numbers. */

#define MTASTS_POLICY_TYPE_TLSA 1
#define MTASTS_POLICY_TYPE_STS 2
#define MTASTS_POLICY_TYPE_NO_POLICY_FOUND 9

/**
 * Success: the results are written.
 */
#define MTASTS_OK 0

/**
 * An argument is NULL that must not be NULL.
 */
#define MTASTS_ERR_NULL 1

/**
 * A number is unknown to the function, or an array is longer than memory.
 */
#define MTASTS_ERR_ARGUMENT 2

/**
 * A string is not UTF-8.
 */
#define MTASTS_ERR_STRING_NOT_UTF8 3

/**
 * The lookup still waits for an answer.
 */
#define MTASTS_ERR_NOT_DONE 4

/**
 * A bug in the library; the object that was being changed is poisoned. Please report it.
 */
#define MTASTS_ERR_PANIC 5

/**
 * An earlier call ended with MTASTS_ERR_PANIC; the object can only be freed.
 */
#define MTASTS_ERR_POISONED 6

/**
 * The call depends on another one that has not been made, or the object is finished.
 */
#define MTASTS_ERR_TOO_EARLY 7

/**
 * Accepts the grammar of RFC 8461 and four departures whose meaning is plain: blank lines, a byte order mark at the
 * start, a trailing dot of an mx, underscores in an mx. The default.
 */
#define MTASTS_STRICTNESS_TOLERANT 0

/**
 * Accepts the grammar alone: for owners who check what they publish.
 */
#define MTASTS_STRICTNESS_ABNF 1

/**
 * A response without Content-Type is an error. The default.
 */
#define MTASTS_MISSING_CONTENT_TYPE_REFUSE 0

/**
 * A response without Content-Type is accepted.
 */
#define MTASTS_MISSING_CONTENT_TYPE_ACCEPT 1

/**
 * Do not deliver to a host that fails validation (RFC 8461, 5).
 */
#define MTASTS_MODE_ENFORCE 1

/**
 * Deliver in any case, and report what would have failed.
 */
#define MTASTS_MODE_TESTING 2

/**
 * Act as if there were no policy.
 */
#define MTASTS_MODE_NONE 3

/**
 * Delivering a message (RFC 8461, 5.1, step 1).
 */
#define MTASTS_PURPOSE_DELIVER 1

/**
 * Fetching a cached policy again before it expires (RFC 8461, 3.3 and 10.2).
 */
#define MTASTS_PURPOSE_REFRESH 2

/**
 * Checking for a newer policy before a message is returned because no MX host met the current one (RFC 8461, 5.1, step
 * 3). mtasts_delivery_recheck() tells what the outcome means for the message.
 */
#define MTASTS_PURPOSE_BEFORE_PERMANENT_FAILURE 3

/**
 * Query DNS for the TXT records of mtasts_lookup_txt_name(); answer with mtasts_lookup_handle_txt(), _txt_not_found()
 * or _txt_failed().
 */
#define MTASTS_OUTPUT_QUERY_TXT 1

/**
 * Fetch mtasts_lookup_policy_url() over HTTPS; answer with mtasts_lookup_handle_response() or _fetch_failed().
 */
#define MTASTS_OUTPUT_FETCH_POLICY 2

/**
 * Nothing: take the outcome with mtasts_lookup_finish().
 */
#define MTASTS_OUTPUT_DONE 3

/**
 * The policy was cached by an earlier fetch.
 */
#define MTASTS_SOURCE_CACHED 1

/**
 * The policy was fetched by this lookup.
 */
#define MTASTS_SOURCE_FETCHED 2

/**
 * Nothing changes.
 */
#define MTASTS_UPDATE_KEEP 1

/**
 * The record was checked; the policy stays as it is.
 */
#define MTASTS_UPDATE_CHECKED 2

/**
 * The domain has no usable record.
 */
#define MTASTS_UPDATE_ABSENT 3

/**
 * The policy of this record id could not be fetched.
 */
#define MTASTS_UPDATE_BACK_OFF 4

/**
 * A policy was fetched.
 */
#define MTASTS_UPDATE_STORE 5

/**
 * The domain was not queried: the cached entry was enough.
 */
#define MTASTS_RECORD_CHECK_NOT_MADE 0

/**
 * DNS answered, and the domain has no newer policy than that of the outcome.
 */
#define MTASTS_RECORD_CHECK_CURRENT 1

/**
 * DNS did not answer, or there is a newer policy that was not fetched.
 */
#define MTASTS_RECORD_CHECK_FAILED 2

/**
 * The message asks nothing about TLS. The default.
 */
#define MTASTS_MESSAGE_UNSPECIFIED 0

/**
 * REQUIRETLS: send only over authenticated TLS, to hosts that support REQUIRETLS (RFC 8689).
 */
#define MTASTS_MESSAGE_REQUIRETLS 1

/**
 * "TLS-Required: No": deliver even if the recipient's MTA-STS or DANE forbids it (RFC 8689).
 */
#define MTASTS_MESSAGE_TLS_REQUIRED_NO 2

/**
 * The MAIL command had REQUIRETLS (RFC 8689, 4).
 */
#define MTASTS_FACT_REQUIRETLS 1

/**
 * The header has "TLS-Required: No": see mtasts_tls_required_no().
 */
#define MTASTS_FACT_TLS_REQUIRED_NO 2

/**
 * The reverse path is null: MAIL FROM:<>.
 */
#define MTASTS_FACT_NULL_REVERSE_PATH 4

/**
 * The operator requires nothing: TLS if it is available. The default.
 */
#define MTASTS_MINIMUM_OPPORTUNISTIC 0

/**
 * The operator requires TLS, with any certificate.
 */
#define MTASTS_MINIMUM_ENCRYPTED 1

/**
 * The operator requires TLS with a certificate that is valid for the MX host, or authenticated by DANE.
 */
#define MTASTS_MINIMUM_AUTHENTICATED 2

/**
 * If a host has both DANE and a policy, both must pass. The default.
 */
#define MTASTS_DANE_PRECEDENCE_BOTH 0

/**
 * If DANE passes, MTA-STS is not checked.
 */
#define MTASTS_DANE_PRECEDENCE_DANE_DECIDES 1

/**
 * The host provably has no usable TLSA records, or this sender does not use DANE. The default.
 */
#define MTASTS_DANE_NOT_APPLICABLE 0

/**
 * The host has usable TLSA records: it receives the message only over TLS that matches them.
 */
#define MTASTS_DANE_USABLE 1

/**
 * DNS failed, or its answer was bogus: the host does not receive the message now.
 */
#define MTASTS_DANE_LOOKUP_FAILED 4

/**
 * The certificate was not compared with TLSA records. For a host with MTASTS_DANE_USABLE, the message is then not sent
 * over the session.
 */
#define MTASTS_DANE_RESULT_NOT_CHECKED 0

/**
 * A TLSA record matches the certificate.
 */
#define MTASTS_DANE_RESULT_PASSED 1

/**
 * No TLSA record matches the certificate.
 */
#define MTASTS_DANE_RESULT_FAILED 2

/**
 * The EHLO response did not offer STARTTLS.
 */
#define MTASTS_TLS_NOT_OFFERED 1

/**
 * The host rejected the STARTTLS command.
 */
#define MTASTS_TLS_REFUSED 2

/**
 * The handshake failed.
 */
#define MTASTS_TLS_HANDSHAKE_FAILED 3

/**
 * The TLS version is older than 1.2.
 */
#define MTASTS_TLS_VERSION_TOO_OLD 4

/**
 * TLS, with an expired certificate.
 */
#define MTASTS_TLS_CERTIFICATE_EXPIRED 5

/**
 * TLS, with a certificate that is not valid yet.
 */
#define MTASTS_TLS_CERTIFICATE_NOT_YET_VALID 6

/**
 * TLS, with a certificate without a matching DNS-ID for the host.
 */
#define MTASTS_TLS_CERTIFICATE_HOST_MISMATCH 7

/**
 * TLS, with a certificate that is not trusted, for any other reason.
 */
#define MTASTS_TLS_CERTIFICATE_NOT_TRUSTED 8

/**
 * TLS, with a certificate that was not checked.
 */
#define MTASTS_TLS_CERTIFICATE_NOT_CHECKED 9

/**
 * TLS, with a certificate that is trusted and valid for the host.
 */
#define MTASTS_TLS_AUTHENTICATED 10

/**
 * Do not connect; continue as if the host were unreachable.
 */
#define MTASTS_MX_SKIP 1

/**
 * Connect. TLS with a certificate valid for the DNS-ID is required: check the chain and the name.
 */
#define MTASTS_MX_AUTHENTICATE 2

/**
 * Connect. TLS that matches the TLSA records of the host is required: check these.
 */
#define MTASTS_MX_AUTHENTICATE_BY_DANE 3

/**
 * Connect. TLS is required, with any certificate.
 */
#define MTASTS_MX_ENCRYPT 4

/**
 * Connect, with TLS if it is available. In mode testing check the certificate all the same, since its faults are
 * reported.
 */
#define MTASTS_MX_OPPORTUNISTIC 5

/**
 * Connect. TLS with a certificate that is valid for the DNS-ID and matches the TLSA records of the host is required:
 * check both, and pass both results to mtasts_check_session().
 */
#define MTASTS_MX_AUTHENTICATE_BY_BOTH 6

/**
 * Send the message over this session.
 */
#define MTASTS_SESSION_DELIVER 1

/**
 * End the session without the message, and try the next MX host.
 */
#define MTASTS_SESSION_TRY_NEXT_MX 2

/**
 * The message may wait longer.
 */
#define MTASTS_QUEUE_RUNNING 1

/**
 * The message has reached its limit, and would now be returned to its sender.
 */
#define MTASTS_QUEUE_OVER 2

/**
 * There was no such lookup.
 */
#define MTASTS_RECHECK_NONE 0

/**
 * The policy is still in force, and the domain has no newer one.
 */
#define MTASTS_RECHECK_UNCHANGED 1

/**
 * Another policy is in force now.
 */
#define MTASTS_RECHECK_CHANGED 2

/**
 * No policy is in force any more: the domain has removed it.
 */
#define MTASTS_RECHECK_NO_LONGER_BOUND 3

/**
 * The domain could not be queried, or has a newer policy that could not be fetched.
 */
#define MTASTS_RECHECK_NOT_CHECKED 4

/**
 * Keep the message in the queue, and try again later. As long as a domain cannot be queried for a newer policy, this
 * is the conclusion.
 */
#define MTASTS_CONCLUSION_DEFER 1

/**
 * Look for a newer policy first, with MTASTS_PURPOSE_BEFORE_PERMANENT_FAILURE, and conclude again with
 * mtasts_delivery_recheck() of its outcome.
 */
#define MTASTS_CONCLUSION_RECHECK_POLICY 2

/**
 * Return the message: it was in the queue for too long (5.4.7).
 */
#define MTASTS_CONCLUSION_BOUNCE_DELIVERY_TIME_EXPIRED 3

/**
 * Return the message: REQUIRETLS was requested, and no host offered the TLS that it requires (5.7.10).
 */
#define MTASTS_CONCLUSION_BOUNCE_ENCRYPTION_NEEDED 4

/**
 * Return the message: REQUIRETLS was requested, and no host supports it (5.7.30).
 */
#define MTASTS_CONCLUSION_BOUNCE_REQUIRETLS_NEEDED 5

/**
 * Try the MX hosts again immediately, under mtasts_delivery_of() the outcome of the recheck: another policy applies,
 * or none.
 */
#define MTASTS_CONCLUSION_TRY_AGAIN 6

/**
 * A report may deviate from RFC 8460 as real senders do; mtasts_report_deviation_count() and its companions return the
 * deviations. The default.
 */
#define MTASTS_REPORT_TOLERANT 0

/**
 * A report must follow RFC 8460 and I-JSON; the first deviation is an error.
 */
#define MTASTS_REPORT_STRICT 1

/**
 * The event was counted with all details.
 */
#define MTASTS_COUNTED_WHOLE 1

/**
 * The event was counted as a session, with less detail for lack of room.
 */
#define MTASTS_COUNTED_FOLDED 2

/**
 * The event was not counted: the message was itself a TLS report (RFC 8460, 3).
 */
#define MTASTS_COUNTED_NOT_TLSRPT_REPORT 3

/**
 * The event was not counted: the domain has no TLSRPT record that asks for reports.
 */
#define MTASTS_COUNTED_NOT_NO_RECORD 4

/**
 * The event was not counted: the day has the maximum number of domains.
 */
#define MTASTS_COUNTED_NOT_TOO_MANY_DOMAINS 5

/**
 * The event was not counted: the tally takes the maximum amount of memory.
 */
#define MTASTS_COUNTED_NOT_OUT_OF_MEMORY 6

/**
 * The event was not counted, for a reason without a number in this version of the library.
 */
#define MTASTS_COUNTED_NOT 7

/**
 * One destination has accepted the report (RFC 8460, 3).
 */
#define MTASTS_REPORT_DELIVERY_DELIVERED 1

/**
 * No destination has accepted the report: try again later.
 */
#define MTASTS_REPORT_DELIVERY_FAILED 2

/**
 * No destination will accept the report: the record is gone, or every destination refused permanently.
 */
#define MTASTS_REPORT_DELIVERY_REFUSED 3

/**
 * The operator of the domain, its mail hosts, its policy host or their DNS has to act.
 */
#define MTASTS_WHOSE_OWNER 1

/**
 * The sender of the report has to act.
 */
#define MTASTS_WHOSE_SENDER 2

/**
 * The report does not tell who has to act: the owner, the sender, or something between them.
 */
#define MTASTS_WHOSE_UNCLEAR 3

/**
 * The number of full days of UTC for which the same list of MX hosts must have been served. Default: 14.
 */
#define MTASTS_READY_LIMIT_DAYS 1

/**
 * The number of days for which the certificate of each MX host must still be valid, if no automatic renewal was seen.
 * Default: 14.
 */
#define MTASTS_READY_LIMIT_CERTIFICATE_DAYS 2

/**
 * The number of full days without a failed fetch of the policy. Default: 7.
 */
#define MTASTS_READY_LIMIT_SERVED_DAYS 3

/**
 * The number of organisations that must have reported successes under the policy. Default: 2.
 */
#define MTASTS_READY_LIMIT_SUBMITTERS 4

/**
 * The number of sessions that must have succeeded under the policy. Default: 100.
 */
#define MTASTS_READY_LIMIT_SESSIONS 5

/**
 * The number of sessions that is enough for a domain with little mail. Default: 10.
 */
#define MTASTS_READY_LIMIT_FEW_SESSIONS 6

/**
 * The number of full days after which these are enough. Default: 28.
 */
#define MTASTS_READY_LIMIT_FEW_SESSIONS_DAYS 7

/**
 * The maximum number of full days without a report of a success. Default: 7.
 */
#define MTASTS_READY_LIMIT_SILENT_DAYS 8

/**
 * The number of full days without a failure of the domain's own. Default: 7.
 */
#define MTASTS_READY_LIMIT_CLEAN_DAYS 9

/**
 * The number of organisations that must have seen a failure for it to count as the domain's own. Default: 2.
 */
#define MTASTS_READY_LIMIT_WITNESSES 10

/**
 * How many of a thousand sessions of one organisation may fail for other causes. Default: 5.
 */
#define MTASTS_READY_LIMIT_OTHER_FAILURES 11

/**
 * The number of days on which they may fail. Default: 2.
 */
#define MTASTS_READY_LIMIT_OTHER_FAILURE_DAYS 12

/**
 * Every MX host in DNS passes a check now, and its certificate does not expire soon.
 */
#define MTASTS_READY_RULE_HOSTS_PASS 1

/**
 * The policy can be fetched now, and no sender has failed to fetch it recently.
 */
#define MTASTS_READY_RULE_POLICY_SERVED 2

/**
 * The same list of MX hosts has been served for long enough.
 */
#define MTASTS_READY_RULE_ENOUGH_DAYS 3

/**
 * Enough senders have reported enough sessions under the policy.
 */
#define MTASTS_READY_RULE_ENOUGH_SESSIONS 4

/**
 * There has been no failure of the domain's own for some days.
 */
#define MTASTS_READY_RULE_NO_FAILURE_OF_YOURS 5

/**
 * Failures reported by single senders are few, and on few days.
 */
#define MTASTS_READY_RULE_FEW_OTHER_FAILURES 6

/**
 * The sessions are from senders that verify in mode testing.
 */
#define MTASTS_READY_RULE_SENDERS_VERIFY 7

/**
 * Every host named in a report is in DNS, or accepted.
 */
#define MTASTS_READY_RULE_HOSTS_KNOWN 8

/**
 * All conditions are met.
 */
#define MTASTS_READY_YES 1

/**
 * Something is missing that comes with time, mail, or a fix.
 */
#define MTASTS_READY_NOT_YET 2

/**
 * The owner has to decide about a host, whatever else is missing.
 */
#define MTASTS_READY_BLOCKED 3

/**
 * Harmless, but worth knowing.
 */
#define MTASTS_SEVERITY_INFO 1

/**
 * Some senders stumble over it, mail may be lost, or the protection is weak.
 */
#define MTASTS_SEVERITY_WARNING 2

/**
 * Senders that follow RFC 8461 ignore what is published; receivers cannot read the report.
 */
#define MTASTS_SEVERITY_ERROR 3

/**
 * The TTL of the TXT record. Default: an hour.
 */
#define MTASTS_PUBLISH_TIME_RECORD_TTL 1

/**
 * The TTL of the MX records. Default: a day.
 */
#define MTASTS_PUBLISH_TIME_MX_TTL 2

/**
 * The TTL of the addresses, or of the alias, of the Policy Host; it counts only where the Policy Host changes. Default: an
 * hour.
 */
#define MTASTS_PUBLISH_TIME_POLICY_HOST_TTL 3

/**
 * The time for which a reverse proxy, a CDN, or one of several servers may go on serving the old policy. Default: a minute
 * (RFC 8461, 8.2).
 */
#define MTASTS_PUBLISH_TIME_POLICY_CACHE 4

/**
 * The time after which senders ask a Policy Host again that did not respond. Default: 5 minutes (RFC 8461, 3.3).
 */
#define MTASTS_PUBLISH_TIME_RETRY 5

/**
 * The time for which senders keep a message in their queues. Default: 5 days (RFC 5321, 4.5.4.1).
 */
#define MTASTS_PUBLISH_TIME_QUEUE_LIFETIME 6

/**
 * Serve the policy of the step.
 */
#define MTASTS_PUBLISH_ACTION_PUT_POLICY 1

/**
 * Have another host serve the policy of the step, then point the name of the Policy Host at it.
 */
#define MTASTS_PUBLISH_ACTION_MOVE_POLICY_HOST 2

/**
 * Publish the record with the id of the step.
 */
#define MTASTS_PUBLISH_ACTION_PUT_RECORD 3

/**
 * Change the MX records.
 */
#define MTASTS_PUBLISH_ACTION_CHANGE_MX 4

/**
 * Delete the TXT record.
 */
#define MTASTS_PUBLISH_ACTION_DELETE_RECORD 5

/**
 * Serve no policy any more.
 */
#define MTASTS_PUBLISH_ACTION_DELETE_POLICY 6

/**
 * Nothing.
 */
#define MTASTS_PUBLISH_WAIT_NOTHING 1

/**
 * The step before.
 */
#define MTASTS_PUBLISH_WAIT_PREVIOUS_STEP 2

/**
 * Caches between the Policy Host and senders, or the addresses of the former Policy Host in DNS.
 */
#define MTASTS_PUBLISH_WAIT_POLICY_CACHE 3

/**
 * The TTL of the old record.
 */
#define MTASTS_PUBLISH_WAIT_RECORD_TTL 4

/**
 * The time after which senders ask a Policy Host again that did not respond.
 */
#define MTASTS_PUBLISH_WAIT_RETRY 5

/**
 * The max_age of an older policy.
 */
#define MTASTS_PUBLISH_WAIT_OLD_POLICIES 6

/**
 * Policies from before the history.
 */
#define MTASTS_PUBLISH_WAIT_UNKNOWN_POLICIES 7

/**
 * The TTL of the old MX records, and the queues of senders.
 */
#define MTASTS_PUBLISH_WAIT_QUEUED_MAIL 8

/**
 * The time for which a policy is tested before it is enforced.
 */
#define MTASTS_PUBLISH_WAIT_TESTING_PERIOD 9

/**
 * The time for which an enforced policy has a short max_age.
 */
#define MTASTS_PUBLISH_WAIT_MAX_AGE_GROWTH 10

/**
 * The max_age of all policies from before the removal.
 */
#define MTASTS_PUBLISH_WAIT_OPT_OUT 11

/**
 * The names, for Postfix 3.4 and later, and for sendmail's FEATURE(sts).
 */
#define MTASTS_POSTFIX_BASIC 0

/**
 * The names and the policy, for Postfix 3.10.5 and later; Postfix before 3.10 defers all mail to the domain.
 */
#define MTASTS_POSTFIX_EXTENDED 1

/**
 * The same as MTASTS_POSTFIX_EXTENDED, and mode testing is answered with the level "may".
 */
#define MTASTS_POSTFIX_EXTENDED_WITH_TESTING 2

/**
 * A cache of entries by Policy Domain, bounded in number and in memory. It locks internally: any thread may use it at
 * any time.
 *
 * When it is full, the entry with the lowest rank is evicted: expired ones first, policies of mode enforce last.
 * Made-up domains cannot flush a policy that protects mail.
 *
 * It holds the results of finished lookups, and nothing about running ones: concurrent lookups of one domain each
 * query DNS and the Policy Host.
 */
typedef struct mtasts_cache mtasts_cache;

/**
 * The configuration of lookups. If a function gets NULL for it, the defaults apply, as suggested in RFC 8461.
 */
typedef struct mtasts_config mtasts_config;

/**
 * A datagram of libtlsrpt about one delivery: the TLS results with an MX host under each policy that was checked.
 *
 * Postfix sends such datagrams. A program that builds one sends it in the same way: `sendto()` on a datagram socket of
 * AF_UNIX with MSG_DONTWAIT, so that mail never waits for it.
 */
typedef struct mtasts_datagram mtasts_datagram;

/**
 * The constraints on the delivery of one message to one Policy Domain.
 *
 * The general flow: mtasts_delivery_of() the outcome of a lookup, and the setters; mtasts_plan() for the MX list, or
 * mtasts_check_mx() before each connection; mtasts_check_session() after each TLS attempt; mtasts_conclude() after no
 * host accepted the message. The MX list is never filtered: a skipped host counts as unreachable. A delivery keeps no
 * state between calls: hosts can be tried in parallel, and in any order.
 */
typedef struct mtasts_delivery mtasts_delivery;

/**
 * A Policy Domain: the domain whose policy applies, with the names derived from it (RFC 8461, 3).
 */
typedef struct mtasts_domain mtasts_domain;

/**
 * A policy to be published, and the record that announces it (RFC 8461, 3.1 and 3.2). It never changes.
 *
 * It is always a policy that senders accept: each mx names hosts that they can find, and the max_age is between a day and
 * a year.
 */
typedef struct mtasts_draft mtasts_draft;

/**
 * A report to be delivered now.
 */
typedef struct mtasts_due_report mtasts_due_report;

/**
 * A list of entries with their domains: a copy of the contents of a cache, or what was evicted from it.
 */
typedef struct mtasts_entries mtasts_entries;

/**
 * The cache entry of a domain: its policy or the absence of one, and recent fetch failures.
 *
 * An entry may hold an expired policy, which no longer applies: see mtasts_entry_is_valid().
 */
typedef struct mtasts_entry mtasts_entry;

/**
 * The error of a failed call, with the position in its input. Free it with mtasts_error_free().
 */
typedef struct mtasts_error mtasts_error;

/**
 * An event that a TLS report counts: a session with an MX host, or a failed policy discovery.
 *
 * mtasts_tally_count() counts it, and mtasts_datagram_add() passes it to another program. A connection that failed
 * before the greeting has no row and is not an event (RFC 8460, 4.3.4).
 */
typedef struct mtasts_event mtasts_event;

/**
 * One kind of failure, and the number of sessions affected. It belongs to its mtasts_report.
 */
typedef struct mtasts_failure mtasts_failure;

/**
 * One finding. It belongs to its mtasts_findings.
 */
typedef struct mtasts_finding mtasts_finding;

/**
 * A list of findings for the owner of a domain, or for the sender of a report, in the order of the text; about 100 at most.
 */
typedef struct mtasts_findings mtasts_findings;

/**
 * An explanation of a failure: its cause, who has to act, and how to fix it.
 */
typedef struct mtasts_hint mtasts_hint;

/**
 * What a domain has published, and when: its policies, the ids of its record, and its MX hosts. From it follows what senders
 * may still hold, so keep it: save mtasts_history_text() after each change.
 *
 * Note what is published whenever it changes, or whenever it was looked at: what has not changed is no change. What is taken
 * from it is valid until the next change. It holds at most 64 policies, 64 ids and 1024 hosts; of a policy that it forgets it
 * knows until when senders may hold it.
 */
typedef struct mtasts_history mtasts_history;

/**
 * A policy discovery: it says what to query, takes the answers, and ends with an outcome.
 *
 * The general flow: mtasts_lookup_new(); then, while mtasts_lookup_poll_output() returns MTASTS_OUTPUT_QUERY_TXT or
 * MTASTS_OUTPUT_FETCH_POLICY, do that and call one of mtasts_lookup_handle_...(); then mtasts_lookup_finish(),
 * mtasts_outcome_apply() or mtasts_cache_apply(), and mtasts_lookup_free(). A lookup can be freed at any point.
 *
 * Lookups are independent: two concurrent lookups of one domain make the same queries. A server that looks up many
 * messages at once should keep a table of the domains being looked up, and let later messages wait for the outcome.
 */
typedef struct mtasts_lookup mtasts_lookup;

/**
 * A host of the MX list, by the name in its MX record: not the target of its CNAME.
 */
typedef struct mtasts_mx_host mtasts_mx_host;

/**
 * An mx pattern, which covers MX hosts: a host name, or "*." and a domain (RFC 8461, 4.1).
 */
typedef struct mtasts_mx_pattern mtasts_mx_pattern;

/**
 * The verdicts for a whole MX list, in order.
 */
typedef struct mtasts_mx_plan mtasts_mx_plan;

/**
 * The decision about an MX host before a connection, and what to report.
 */
typedef struct mtasts_mx_verdict mtasts_mx_verdict;

/**
 * A host name in the form DNS and TLS use: lower case, A-labels, no trailing dot.
 */
typedef struct mtasts_name mtasts_name;

/**
 * The outcome of a lookup: the policy to apply or the reason why there is none, what to remember, and what to report.
 */
typedef struct mtasts_outcome mtasts_outcome;

/**
 * A policy: which MX hosts may receive the domain's mail, and how strictly this is applied (RFC 8461, 3.2).
 *
 * A match alone is not permission to deliver: in modes testing and none a host that does not match still gets the
 * mail. mtasts_delivery applies the modes.
 */
typedef struct mtasts_policy mtasts_policy;

/**
 * The answer for mail to a domain.
 */
typedef struct mtasts_postfix_answer mtasts_postfix_answer;

/**
 * What DNS and the Policy Host look like now, and how long others keep what they have seen of it.
 *
 * A TTL is the one that resolvers have seen: where it is about to be lowered, set the old one.
 */
typedef struct mtasts_publish_facts mtasts_publish_facts;

/**
 * The steps from what a domain publishes to what it wants to publish, with their times.
 *
 * Do the first step when its time has come, note what has changed in the history, and plan again: the plan goes on where it
 * was.
 */
typedef struct mtasts_publish_plan mtasts_publish_plan;

/**
 * A step of a plan: what to do, when, and why not before. It belongs to its mtasts_publish_plan.
 *
 * It has two times. At the earliest, no sender refuses mail that compares the id of the record with that of its policy before
 * it delivers, as RFC 8461 asks, and that the Policy Host responds to. At the safe time no sender does, whatever it compares:
 * each policy that could refuse mail has expired.
 */
typedef struct mtasts_publish_step mtasts_publish_step;

/**
 * What a domain wants to publish in the end.
 */
typedef struct mtasts_publish_target mtasts_publish_target;

/**
 * The answer whether a policy can be enforced, what is missing, and the amount of evidence.
 */
typedef struct mtasts_readiness mtasts_readiness;

/**
 * The facts about a domain and the policy to be enforced, from which a mtasts_readiness is assessed.
 *
 * Without a check, passed by mtasts_ready_set_policy_fault() or mtasts_ready_add_host(), the answer is never
 * MTASTS_READY_YES.
 */
typedef struct mtasts_ready mtasts_ready;

/**
 * An MTA-STS record: it says that the domain has a policy, and its id changes with every new policy (RFC 8461,
 * 3.1).
 */
typedef struct mtasts_record mtasts_record;

/**
 * A TLS report of one organisation about a domain, usually for one day (RFC 8460, 4.4).
 *
 * Everything in a received report is untrusted: it may contain any character except NUL, which is replaced by U+FFFD,
 * and may be false. What the sender omitted is NULL.
 */
typedef struct mtasts_report mtasts_report;

/**
 * A report being built: each addition applies to the policy, or the kind of failure, that was added last.
 *
 * A mtasts_tally builds its reports itself; this is for programs with counts of their own.
 */
typedef struct mtasts_report_builder mtasts_report_builder;

/**
 * The contents of the name of a file with a report (RFC 8460, 5.1). The report itself takes precedence.
 */
typedef struct mtasts_report_file_name mtasts_report_file_name;

/**
 * The report-specific parts of a mail. Compression, MIME and the signature are left to you.
 *
 * The mail has the type mtasts_report_mail_content_type() and two parts: mtasts_report_mail_text() as text/plain in
 * UTF-8, and mtasts_report_json(), compressed with gzip and in base64, as mtasts_report_mail_media_type() with
 * mtasts_report_mail_file_name(). It is sent from the contact of the sender to the address of a "rua". If it is signed
 * with DKIM, the signature must include both header fields that begin with TLS-Report (RFC 8460, 5.3).
 */
typedef struct mtasts_report_mail mtasts_report_mail;

/**
 * The results under one policy of a report. It belongs to its mtasts_report.
 */
typedef struct mtasts_report_policy mtasts_report_policy;

/**
 * The sender of reports: its domain, a mail address there, and the name of the organisation.
 */
typedef struct mtasts_report_sender mtasts_report_sender;

/**
 * The contents of the subject of a mail with a report (RFC 8460, 5.3). The report itself takes precedence.
 */
typedef struct mtasts_report_subject mtasts_report_subject;

/**
 * A host that is or was in the MX records. It belongs to its mtasts_history.
 */
typedef struct mtasts_seen_host mtasts_seen_host;

/**
 * An id that the record has or had. It belongs to its mtasts_history.
 */
typedef struct mtasts_seen_record mtasts_seen_record;

/**
 * A policy that is or was served. It belongs to its mtasts_history.
 */
typedef struct mtasts_served_policy mtasts_served_policy;

/**
 * The decision about a session before the MAIL command, and what to report.
 */
typedef struct mtasts_session_verdict mtasts_session_verdict;

/**
 * Something that a condition lacks. It belongs to its mtasts_readiness.
 */
typedef struct mtasts_shortfall mtasts_shortfall;

/**
 * The counts of sessions with other domains, and the reports made from them.
 *
 * The general flow: mtasts_tally_count() each event, or mtasts_tally_count_datagram() each datagram of libtlsrpt. At
 * mtasts_tally_poll_timeout() and after each change, while mtasts_tally_poll_report() returns a report, deliver it to
 * a "rua" of the domain's record, looked up again, and pass the result to mtasts_tally_handle_delivery(). Save
 * mtasts_tally_text() for a restart.
 *
 * A day of UTC closes ten minutes after midnight; the report of a domain is due up to four hours later. Domains,
 * policies and names are chosen by others and bounded: 16 policies of a domain in a day and 64 kinds of failures of a
 * policy are distinguished, and totals stay correct beyond that. Nothing counted is ever evicted.
 */
typedef struct mtasts_tally mtasts_tally;

/**
 * A text written by the library.
 */
typedef struct mtasts_text mtasts_text;

/**
 * A TLSRPT record, by which a domain asks for TLS reports (RFC 8460, 3).
 */
typedef struct mtasts_tlsrpt_record mtasts_tlsrpt_record;

/**
 * One session, or one skipped host, as counted in TLSRPT (RFC 8460, 4.3).
 */
typedef struct mtasts_tlsrpt_row mtasts_tlsrpt_row;

/**
 * The status of a call: MTASTS_OK, or one of the MTASTS_ERR_ numbers.
 */
typedef int32_t mtasts_status;

/**
 * The result type of a failure in TLSRPT (RFC 8460, 4.3): one of the MTASTS_TLSRPT_ numbers.
 */
typedef uint32_t mtasts_result_type;

/**
 * A pointer to octets of the caller, for functions that take several: TXT RRs, or values of header
 * fields.
 *
 * `data` may be NULL when `len` is 0. This struct never changes.
 */
typedef struct {
  /**
   * The first octet.
   */
  const uint8_t *data;
  /**
   * The number of octets.
   */
  size_t len;
} mtasts_bytes;

/**
 * What to do with a response without Content-Type: one of the MTASTS_MISSING_CONTENT_TYPE_ numbers.
 */
typedef uint32_t mtasts_missing_content_type;

/**
 * The grammar that a policy must follow: one of the MTASTS_STRICTNESS_ numbers.
 */
typedef uint32_t mtasts_strictness;

/**
 * How strictly a policy is applied: one of the MTASTS_MODE_ numbers.
 */
typedef uint32_t mtasts_mode;

/**
 * The purpose of a lookup: one of the MTASTS_PURPOSE_ numbers.
 */
typedef uint32_t mtasts_purpose;

/**
 * What to do next for a lookup: one of the MTASTS_OUTPUT_ numbers.
 */
typedef uint32_t mtasts_output;

/**
 * The origin of a policy: one of the MTASTS_SOURCE_ numbers.
 */
typedef uint32_t mtasts_source;

/**
 * What to remember after a lookup: one of the MTASTS_UPDATE_ numbers.
 */
typedef uint32_t mtasts_update;

/**
 * Whether a lookup has queried the domain for a newer policy than the cached one: one of the MTASTS_RECORD_CHECK_
 * numbers.
 */
typedef uint32_t mtasts_record_check;

/**
 * What a message asks about TLS: one of the MTASTS_MESSAGE_ numbers.
 */
typedef uint32_t mtasts_message;

/**
 * What the envelope and the header of a message say about TLS: the MTASTS_FACT_ flags that apply, combined with |.
 */
typedef uint32_t mtasts_message_facts;

/**
 * The minimum that the operator requires of every session: one of the MTASTS_MINIMUM_ numbers.
 */
typedef uint32_t mtasts_minimum;

/**
 * The precedence for a host that has both DANE and a policy: one of the MTASTS_DANE_PRECEDENCE_ numbers.
 */
typedef uint32_t mtasts_dane_precedence;

/**
 * What DNS says about DANE for a host before a connection: MTASTS_DANE_NOT_APPLICABLE, MTASTS_DANE_USABLE or
 * MTASTS_DANE_LOOKUP_FAILED.
 */
typedef uint32_t mtasts_dane;

/**
 * The decision about an MX host before a connection: one of the MTASTS_MX_ numbers.
 */
typedef uint32_t mtasts_mx_decision;

/**
 * The result of a TLS attempt, including that of the certificate: one of the MTASTS_TLS_ numbers.
 */
typedef uint32_t mtasts_tls;

/**
 * The result of comparing the certificate of a host with its TLSA records: one of the MTASTS_DANE_RESULT_ numbers.
 */
typedef uint32_t mtasts_dane_result;

/**
 * The decision about a session before the MAIL command: one of the MTASTS_SESSION_ numbers.
 */
typedef uint32_t mtasts_session_decision;

/**
 * The type of policy under which TLSRPT counts a session (RFC 8460, 4.4): one of the MTASTS_POLICY_TYPE_ numbers.
 */
typedef uint32_t mtasts_policy_type;

/**
 * The result of a lookup for MTASTS_PURPOSE_BEFORE_PERMANENT_FAILURE about the policy that no MX host met (RFC 8461,
 * 5.1, step 3): one of the MTASTS_RECHECK_ numbers.
 */
typedef uint32_t mtasts_recheck;

/**
 * Whether a message may remain in the queue: one of the MTASTS_QUEUE_ numbers.
 */
typedef uint32_t mtasts_queue_lifetime;

/**
 * What to do with a message that no MX host accepted: one of the MTASTS_CONCLUSION_ numbers.
 */
typedef uint32_t mtasts_conclusion;

/**
 * How strictly a report must follow RFC 8460: one of the MTASTS_REPORT_ numbers.
 */
typedef uint32_t mtasts_report_grammar;

/**
 * Whether an event was counted, or the reason why not: one of the MTASTS_COUNTED_ numbers.
 */
typedef uint32_t mtasts_counted;

/**
 * The result of the delivery of a report: one of the MTASTS_REPORT_DELIVERY_ numbers.
 */
typedef uint32_t mtasts_report_delivery;

/**
 * Who has to act on a failure: one of the MTASTS_WHOSE_ numbers.
 */
typedef uint32_t mtasts_whose;

/**
 * A threshold of a condition: one of the MTASTS_READY_LIMIT_ numbers.
 */
typedef uint32_t mtasts_ready_limit;

/**
 * A condition for enforcing a policy: one of the MTASTS_READY_RULE_ numbers, consecutive from 1.
 */
typedef uint32_t mtasts_ready_rule;

/**
 * Whether to enforce the policy: MTASTS_READY_YES, MTASTS_READY_NOT_YET or MTASTS_READY_BLOCKED.
 */
typedef uint32_t mtasts_ready_verdict;

/**
 * The severity of a finding: one of the MTASTS_SEVERITY_ numbers.
 */
typedef uint32_t mtasts_severity;

/**
 * A time for which others keep what they have seen: one of the MTASTS_PUBLISH_TIME_ numbers.
 */
typedef uint32_t mtasts_publish_time;

/**
 * What is done in a step: one of the MTASTS_PUBLISH_ACTION_ numbers.
 */
typedef uint32_t mtasts_publish_action;

/**
 * What has to be waited for before a step: one of the MTASTS_PUBLISH_WAIT_ numbers, consecutive from 1.
 */
typedef uint32_t mtasts_publish_wait;

/**
 * The form of an answer: one of the MTASTS_POSTFIX_ numbers.
 */
typedef uint32_t mtasts_postfix_form;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the installed library, such as "0.1.0"; MTASTS_VERSION is that of the header.
 *
 * Never NULL; it is valid for the lifetime of the process.
 *
 * Ownership: the library owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_version(void);

/**
 * The version of the installed library as a number: major * 65536 + minor * 256 + patch.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint32_t mtasts_version_number(void);

/**
 * Returns 1 if the installed library has everything that a header of this version declares, with the
 * same ABI, otherwise 0.
 *
 * Call it with MTASTS_VERSION_NUMBER. If it returns 0, do not use the library.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_version_check(uint32_t header);

/**
 * Returns 1 if the library converts U-labels to A-labels, or 0 if it was built without the feature
 * "idna".
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_has_idna(void);

/**
 * The stable code of a status, fault or finding, such as "missing-mx", for logs and metrics.
 *
 * "unknown-status" for a number that this version does not know. Never NULL; it is valid for the lifetime of the
 * process.
 *
 * Ownership: the library owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_status_code(mtasts_status status);

/**
 * The meaning of a status, fault or finding, in one sentence.
 *
 * Defined for every number, as in mtasts_status_code(). Never NULL; it is valid for the lifetime of the process.
 *
 * Ownership: the library owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_status_message(mtasts_status status);

/**
 * The result type for TLSRPT of a fault of a session, a failed fetch, or an error: one of the MTASTS_TLSRPT_ numbers,
 * which are those of libtlsrpt.
 *
 * 0 if TLSRPT has no result type for this status.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_result_type mtasts_status_result_type(mtasts_status status);

/**
 * The status that the failed call returned. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_error_status(const mtasts_error *error);

/**
 * The stable code of the error, as returned by mtasts_status_code(). NULL for NULL.
 *
 * Ownership: the result is owned by `error` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_error_code(const mtasts_error *error);

/**
 * What happened, in one sentence, with the line and the octet of the input if there is one. NULL for NULL.
 *
 * Ownership: the result is owned by `error` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_error_message(const mtasts_error *error);

/**
 * The line of the input, counted from 1; 0 if there is no input, for a report, which has a path instead, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint32_t mtasts_error_line(const mtasts_error *error);

/**
 * The octet of the input, counted from 0; 0 if there is no input, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_error_offset(const mtasts_error *error);

/**
 * The path of the faulty member of a TLS report, such as `policies[0].summary`; empty for the report as a whole. NULL
 * for any other error, and for NULL.
 *
 * Ownership: the result is owned by `error` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_error_path(const mtasts_error *error);

/**
 * The host or the wildcard that a policy to be published must not name. NULL for any other error, and for NULL.
 *
 * Ownership: the result is owned by `error` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_error_name(const mtasts_error *error);

/**
 * Frees an error. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_error_free(mtasts_error *error);

/**
 * Parses a host name: `text` in any case, with A-labels or U-labels, and at most one trailing dot. It may be enclosed
 * in brackets, like a smart host.
 *
 * Errors: 101 to 109, with the octet; "address-literal" for an IP address.
 *
 * Ownership: the caller owns `*name`; free it with mtasts_name_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_name_parse(const char *text,
                                mtasts_name **name,
                                mtasts_error **error);

/**
 * The name as text. NULL for NULL.
 *
 * Ownership: the result is owned by `name` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_name_text(const mtasts_name *name);

/**
 * Frees a name. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_name_free(mtasts_name *name);

/**
 * Parses a Policy Domain: `text` has the form accepted by mtasts_name_parse().
 *
 * It is the domain of the recipient address as written, or the name of the smart host.
 *
 * Errors: 101 to 109, with the octet. An address literal has no policy: deliver without MTA-STS.
 *
 * Ownership: the caller owns `*domain`; free it with mtasts_domain_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_domain_parse(const char *text, mtasts_domain **domain, mtasts_error **error);

/**
 * The Policy Domain of a recipient: the domain of `address`, which may be a path with angle brackets.
 *
 * Errors: "missing-domain" (112) for a local part alone; otherwise the same as mtasts_domain_parse(), with octets
 * counted from the start of the address.
 *
 * Ownership: the caller owns `*domain`; free it with mtasts_domain_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_domain_of_recipient(const char *address,
                                         mtasts_domain **domain,
                                         mtasts_error **error);

/**
 * The domain as text: lower case, A-labels, no trailing dot. NULL for NULL.
 *
 * Ownership: the result is owned by `domain` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_domain_text(const mtasts_domain *domain);

/**
 * The name of the MTA-STS record: "_mta-sts." and the domain (RFC 8461, 3.1). NULL for NULL.
 *
 * Ownership: the result is owned by `domain` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_domain_txt_name(const mtasts_domain *domain);

/**
 * The Policy Host: "mta-sts." and the domain (RFC 8461, 3.3). NULL for NULL.
 *
 * Ownership: the result is owned by `domain` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_domain_policy_host(const mtasts_domain *domain);

/**
 * The URL of the policy (RFC 8461, 3.2). NULL for NULL.
 *
 * Ownership: the result is owned by `domain` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_domain_policy_url(const mtasts_domain *domain);

/**
 * The name of the TLSRPT record: "_smtp._tls." and the domain (RFC 8460, 3).
 *
 * NULL for NULL, and for a domain so long that this would not be a valid name.
 *
 * Ownership: the result is owned by `domain` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_tlsrpt_txt_name(const mtasts_domain *domain);

/**
 * Frees a domain. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_domain_free(mtasts_domain *domain);

/**
 * Parses a pattern in the form after "mx:" in a policy: `text` with A-labels, in any case.
 *
 * Errors: 101 to 111, with the octet: the text can never match a host.
 *
 * Ownership: the caller owns `*pattern`; free it with mtasts_mx_pattern_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_mx_pattern_parse(const char *text, mtasts_mx_pattern **pattern, mtasts_error **error);

/**
 * The pattern as text: lower case, no trailing dot. NULL for NULL.
 *
 * Ownership: the result is owned by `pattern` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_mx_pattern_text(const mtasts_mx_pattern *pattern);

/**
 * Returns 1 if the pattern begins with "*.", otherwise 0. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_mx_pattern_is_wildcard(const mtasts_mx_pattern *pattern);

/**
 * Returns 1 if the pattern covers `host`, given as in an MX record, otherwise 0.
 *
 * 0 for NULL, and if it is not a host name.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_mx_pattern_matches(const mtasts_mx_pattern *pattern, const char *host);

/**
 * Frees a pattern. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_mx_pattern_free(mtasts_mx_pattern *pattern);

/**
 * Returns 1 if `dns_id`, a subjectAltName of type dNSName, matches `host`, otherwise 0.
 *
 * For TLS libraries that do not compare names. A star is a wildcard only as the whole first label (RFC 8461, 4.2). 0
 * for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_dns_id_matches(const char *dns_id,
                              const char *host);

/**
 * Parses one TXT RR: `len` octets at `txt`, its character-strings concatenated without separators.
 *
 * Errors: 203 to 211, with the octet. A sender treats such a record as absent.
 *
 * Ownership: the caller owns `*record`; free it with mtasts_record_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_record_parse(const uint8_t *txt,
                                  size_t len,
                                  mtasts_record **record,
                                  mtasts_error **error);

/**
 * Selects the record from an RRset: `count` TXT RRs at `rrs`, each with its character-strings concatenated.
 *
 * Errors: "no-record" if no RR begins as a record, "several-records" if two do; otherwise the same as
 * mtasts_record_parse(). All of them mean: act as if there were no policy.
 *
 * Ownership: the caller owns `*record`; free it with mtasts_record_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_record_select(const mtasts_bytes *rrs,
                                   size_t count,
                                   mtasts_record **record,
                                   mtasts_error **error);

/**
 * The id of the currently published policy: 1 to 32 letters and digits. NULL for NULL.
 *
 * Ownership: the result is owned by `record` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_record_id(const mtasts_record *record);

/**
 * Frees a record. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_record_free(mtasts_record *record);

/**
 * Creates a configuration with the defaults. The caller frees it with mtasts_config_free(). Never returns NULL.
 *
 * Ownership: the caller owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_config *mtasts_config_new(void);

/**
 * Sets the back-off of a record id after a failed fetch, in `seconds`. Default: 300, which is also the minimum (RFC
 * 8461, 3.3).
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_config_set_back_off(mtasts_config *config,
                                         uint64_t seconds);

/**
 * Sets the time limit of a fetch, from the address lookup to the last octet, in `milliseconds`. Default: 60000. With
 * 0 every fetch fails.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_config_set_fetch_timeout_ms(mtasts_config *config,
                                                 uint64_t milliseconds);

/**
 * Sets the maximum length of a body, in `octets`. Default: 65536; maximum: 1048576.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_config_set_max_body_len(mtasts_config *config, size_t octets);

/**
 * Sets what to do with a response without Content-Type: `rule` is one of the MTASTS_MISSING_CONTENT_TYPE_ numbers.
 *
 * Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown number.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_config_set_missing_content_type(mtasts_config *config,
                                                     mtasts_missing_content_type rule);

/**
 * Sets how strictly a policy must follow the grammar: `strictness` is one of the MTASTS_STRICTNESS_ numbers.
 *
 * Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown number.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_config_set_strictness(mtasts_config *config, mtasts_strictness strictness);

/**
 * The back-off of a record id after a failed fetch, in seconds. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_config_back_off(const mtasts_config *config);

/**
 * The time limit of a fetch, in milliseconds. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_config_fetch_timeout_ms(const mtasts_config *config);

/**
 * The maximum length of a body, in octets. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_config_max_body_len(const mtasts_config *config);

/**
 * Frees a configuration. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_config_free(mtasts_config *config);

/**
 * Parses the body of a policy, `len` octets at `body`, tolerating the departures of MTASTS_STRICTNESS_TOLERANT.
 *
 * Errors: 301 to 316, with line and octet.
 *
 * Ownership: the caller owns `*policy`; free it with mtasts_policy_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_policy_parse(const uint8_t *body,
                                  size_t len,
                                  mtasts_policy **policy,
                                  mtasts_error **error);

/**
 * Parses the body of a policy, `len` octets at `body`, as strictly as `strictness` says: one of the MTASTS_STRICTNESS_
 * numbers.
 *
 * Errors: 301 to 320, with line and octet; MTASTS_ERR_ARGUMENT for an unknown strictness.
 *
 * Ownership: the caller owns `*policy`; free it with mtasts_policy_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_policy_parse_with(const uint8_t *body,
                                       size_t len,
                                       mtasts_strictness strictness,
                                       mtasts_policy **policy,
                                       mtasts_error **error);

/**
 * Parses the policy in the response of a Policy Host, after its certificate was verified: the HTTP `status`, the
 * `content_type` as received (NULL if there was none; several joined with commas, which is refused), `len` octets at
 * `body`. `config` may be NULL.
 *
 * Errors: 401 to 405 for the response, 301 to 320 for the body; mtasts_status_result_type() returns the result type
 * for TLSRPT.
 *
 * Ownership: the caller owns `*policy`; free it with mtasts_policy_free().
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_policy_from_response(uint16_t status,
                                          const char *content_type,
                                          const uint8_t *body,
                                          size_t len,
                                          const mtasts_config *config,
                                          mtasts_policy **policy,
                                          mtasts_error **error);

/**
 * The mode: one of the MTASTS_MODE_ numbers. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_mode mtasts_policy_mode(const mtasts_policy *policy);

/**
 * The keyword of a mode: "enforce", "testing", "none". NULL for an unknown number. It is valid for the lifetime of the
 * process.
 *
 * Ownership: the library owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_mode_word(mtasts_mode mode);

/**
 * The time for which the policy may be used, in seconds from its fetch: 0 to 31557600. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_policy_max_age(const mtasts_policy *policy);

/**
 * The number of mx patterns, including duplicates. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_policy_mx_count(const mtasts_policy *policy);

/**
 * An mx pattern, by its index from 0: lower case, no trailing dot. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `policy` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_policy_mx_get(const mtasts_policy *policy,
                                 size_t index);

/**
 * Returns 1 if a pattern covers `host`, given as in an MX record, otherwise 0.
 *
 * 0 for NULL, and if it is not a host name.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_policy_matches_mx(const mtasts_policy *policy, const char *host);

/**
 * The first pattern that covers `host`. NULL if none does, for NULL, and if it is not a host name.
 *
 * Ownership: the result is owned by `policy` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_policy_matching_mx(const mtasts_policy *policy, const char *host);

/**
 * The text as received. NULL for NULL.
 *
 * Ownership: the result is owned by `policy` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_policy_text(const mtasts_policy *policy);

/**
 * The policy in its canonical form, with lines ended by CRLF; unknown fields are omitted. NULL for NULL.
 *
 * Ownership: the result is owned by `policy` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_policy_written(const mtasts_policy *policy);

/**
 * The number of lines received, without blank ones: the policy-string of TLSRPT (RFC 8460, 4.4). 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_policy_line_count(const mtasts_policy *policy);

/**
 * A line as received, without its line end, by its index from 0. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `policy` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_policy_line_get(const mtasts_policy *policy,
                                   size_t index);

/**
 * Returns the same policy as a separate handle, which can outlive the object that it is borrowed from. The text is not
 * copied.
 *
 * The caller frees it with mtasts_policy_free(). NULL for NULL.
 *
 * Ownership: the caller owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_policy *mtasts_policy_clone(const mtasts_policy *policy);

/**
 * Frees a policy. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_policy_free(mtasts_policy *policy);

/**
 * Starts a lookup of `domain` for one of the MTASTS_PURPOSE_ numbers, with the cached `entry` (NULL for none) at the
 * time `now`, in Unix seconds. `config` may be NULL. The arguments are not kept.
 *
 * It may be done at once. Errors: 101 to 109 for the domain; MTASTS_ERR_ARGUMENT for an unknown purpose.
 *
 * Ownership: the caller owns `*lookup`; free it with mtasts_lookup_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_lookup_new(const char *domain,
                                mtasts_purpose purpose,
                                const mtasts_entry *entry,
                                uint64_t now,
                                const mtasts_config *config,
                                mtasts_lookup **lookup,
                                mtasts_error **error);

/**
 * What to do next: one of the MTASTS_OUTPUT_ numbers, the same until the next answer. 0 for NULL, and when poisoned:
 * so loop while it is MTASTS_OUTPUT_QUERY_TXT or MTASTS_OUTPUT_FETCH_POLICY, not until it is MTASTS_OUTPUT_DONE.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_output mtasts_lookup_poll_output(const mtasts_lookup *lookup);

/**
 * The domain of the lookup: lower case, A-labels. NULL for NULL.
 *
 * Ownership: the result is owned by `lookup` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_lookup_domain(const mtasts_lookup *lookup);

/**
 * The name at which to query TXT records. It is absolute: do not apply a search list. NULL for NULL.
 *
 * Ownership: the result is owned by `lookup` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_lookup_txt_name(const mtasts_lookup *lookup);

/**
 * The Policy Host: its certificate must be valid for this DNS-ID, and SNI must be set to it. NULL for NULL.
 *
 * Ownership: the result is owned by `lookup` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_lookup_policy_host(const mtasts_lookup *lookup);

/**
 * The URL to GET. Use TLS 1.2 or later; follow no redirects; use no HTTP cache, and no proxy that answers itself. NULL
 * for NULL.
 *
 * Ownership: the result is owned by `lookup` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_lookup_policy_url(const mtasts_lookup *lookup);

/**
 * The time limit of the fetch, from the address lookup to the last octet, in milliseconds. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_lookup_fetch_timeout_ms(const mtasts_lookup *lookup);

/**
 * The maximum length of the body, in octets: stop reading beyond it, and answer
 * MTASTS_FETCH_POLICY_HOST_BODY_TOO_LARGE. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_lookup_max_body_len(const mtasts_lookup *lookup);

/**
 * Takes the TXT records of the name, after following CNAMEs: `count` RRs at `rrs`, each with its character-strings
 * concatenated, the shortest `ttl` along the chain in seconds, and the time `now` in Unix seconds.
 *
 * DNS is queried again after `ttl`, but not before 30 seconds and not after more than an hour: so pass 0 if the TTL is
 * unknown. For an answer without TXT records use mtasts_lookup_handle_txt_not_found(); a `count` of 0 has the same
 * effect.
 *
 * Errors: "unexpected-input", "already-done"; the lookup is unchanged.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_lookup_handle_txt(mtasts_lookup *lookup,
                                       const mtasts_bytes *rrs,
                                       size_t count,
                                       uint32_t ttl,
                                       uint64_t now);

/**
 * Takes the answer that there are no TXT records: NXDOMAIN, or NOERROR without one. `ttl` is the time for which this
 * may be cached, in seconds (RFC 2308, 5); 0 if DNS gave none. It is clamped as in mtasts_lookup_handle_txt().
 *
 * Any other RCODE, a timeout and a bogus answer belong to mtasts_lookup_handle_txt_failed(): there may be a policy.
 *
 * Errors: "unexpected-input", "already-done"; the lookup is unchanged.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_lookup_handle_txt_not_found(mtasts_lookup *lookup,
                                                 uint32_t ttl,
                                                 uint64_t now);

/**
 * Takes the failure of the DNS query: `failure` is one of the MTASTS_TXT_ numbers.
 *
 * Errors: "unexpected-input", "already-done", MTASTS_ERR_ARGUMENT; the lookup is unchanged.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_lookup_handle_txt_failed(mtasts_lookup *lookup, mtasts_status failure, uint64_t now);

/**
 * Takes the response of the Policy Host, after its certificate was verified for its name: the HTTP `status`, the
 * `content_type` as received (NULL if there was none; several joined with commas), `len` octets at `body`.
 *
 * A response without a policy is not an error of the call: it is part of the outcome. Errors: "unexpected-input",
 * "already-done"; the lookup is unchanged.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_lookup_handle_response(mtasts_lookup *lookup,
                                            uint16_t status,
                                            const char *content_type,
                                            const uint8_t *body,
                                            size_t len,
                                            uint64_t now);

/**
 * Takes the failure of the fetch: the Policy Host gave no response, or none that could be trusted. `failure` is one of
 * the MTASTS_FETCH_ numbers.
 *
 * Errors: "unexpected-input", "already-done", MTASTS_ERR_ARGUMENT; the lookup is unchanged.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_lookup_handle_fetch_failed(mtasts_lookup *lookup,
                                                mtasts_status failure,
                                                uint64_t now);

/**
 * The outcome, after mtasts_lookup_poll_output() has returned MTASTS_OUTPUT_DONE. The lookup still has to be freed.
 *
 * Errors: MTASTS_ERR_NOT_DONE.
 *
 * Ownership: the caller owns `*outcome`; free it with mtasts_outcome_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_lookup_finish(const mtasts_lookup *lookup,
                                   mtasts_outcome **outcome);

/**
 * Frees a lookup, done or not. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_lookup_free(mtasts_lookup *lookup);

/**
 * The policy to apply; its mode may be testing or none. NULL if there is none, and for NULL: then
 * mtasts_outcome_no_policy() has the reason.
 *
 * Ownership: the result is owned by `outcome` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_policy *mtasts_outcome_policy(const mtasts_outcome *outcome);

/**
 * Returns 1 if it is known whether a policy applies. 0 if not, and for NULL: then the mail waits, and another lookup
 * is made later; mtasts_delivery_of() takes care of that.
 *
 * Sending it as if the domain had no MTA-STS is the goal of an attacker who suppresses the record (RFC 8461, 10.2).
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int mtasts_outcome_is_known(const mtasts_outcome *outcome);

/**
 * The origin of the policy: one of the MTASTS_SOURCE_ numbers. 0 if there is no policy, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_source mtasts_outcome_policy_source(const mtasts_outcome *outcome);

/**
 * The id of the record of the policy. NULL if there is no policy, and for NULL.
 *
 * Ownership: the result is owned by `outcome` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_outcome_policy_id(const mtasts_outcome *outcome);

/**
 * The last second in which the policy is in force, in Unix seconds. 0 if there is no policy, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_outcome_policy_expires_at(const mtasts_outcome *outcome);

/**
 * The reason why no policy applies: one of the MTASTS_NO_POLICY_ numbers. 0 if one does, and for NULL.
 *
 * The mail is sent as if the domain had no MTA-STS if mtasts_outcome_is_known(); otherwise it waits.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_outcome_no_policy(const mtasts_outcome *outcome);

/**
 * The error of the record, of DNS, or of the fetch, by its own number. 0 if there are no details, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_outcome_no_policy_detail(const mtasts_outcome *outcome);

/**
 * The time from which a lookup fetches again, for MTASTS_NO_POLICY_BACKING_OFF, in Unix seconds. 0 otherwise, and for
 * NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_outcome_no_policy_until(const mtasts_outcome *outcome);

/**
 * The kind of update: one of the MTASTS_UPDATE_ numbers. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_update mtasts_outcome_update_kind(const mtasts_outcome *outcome);

/**
 * Applies the update to `entry`, which your store holds by now (NULL for none), at the time `now` in Unix seconds.
 * `*updated` becomes the entry to store in its place, or NULL if there is nothing left to remember.
 *
 * With a mtasts_cache, call mtasts_cache_apply() instead. Processes that share a store must lock it from reading to
 * writing. If the updated entry has another policy in force than the outcome, another process has stored one that was
 * requested later: deliver under that one. Errors: MTASTS_ERR_NULL.
 *
 * Ownership: the caller owns `*updated`; free it with mtasts_entry_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_outcome_apply(const mtasts_outcome *outcome,
                                   const mtasts_entry *entry,
                                   uint64_t now,
                                   mtasts_entry **updated);

/**
 * The result type to count in TLSRPT under policy type "sts": one of the MTASTS_TLSRPT_ numbers. 0 if there is nothing
 * to report, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_result_type mtasts_outcome_failure_result_type(const mtasts_outcome *outcome);

/**
 * The failure-reason-code of the report. NULL if there is nothing to report, and for NULL.
 *
 * Ownership: the result is owned by `outcome` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_outcome_failure_reason_code(const mtasts_outcome *outcome);

/**
 * The number of lines received in a body that was not a valid policy: the policy-string of the report (RFC 8460, 4.4).
 * Together they take at most twice the octets of the body. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_outcome_failure_line_count(const mtasts_outcome *outcome);

/**
 * A line received in such a body, by its index from 0; each run of invalid UTF-8 and control characters is replaced by
 * one U+FFFD. It is searched from the first line on. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `outcome` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_outcome_failure_line_get(const mtasts_outcome *outcome,
                                            size_t index);

/**
 * The alert for the administrator: the number of the fault because of which a policy could not be refreshed. 0 if
 * there is none, and for NULL. A single failure is no reason to worry: see mtasts_outcome_alert_failures().
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_outcome_alert(const mtasts_outcome *outcome);

/**
 * The number of failed fetches since the last success, including this one. 0 without an alert, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint32_t mtasts_outcome_alert_failures(const mtasts_outcome *outcome);

/**
 * The last second in which the cached policy protects mail, in Unix seconds. 0 without an alert, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_outcome_alert_expires_at(const mtasts_outcome *outcome);

/**
 * Whether the domain was queried for a newer policy, and the result: one of the MTASTS_RECORD_CHECK_ numbers.
 * MTASTS_RECORD_CHECK_NOT_MADE for NULL. mtasts_delivery_recheck() tells what it means for a message that would be
 * returned.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_record_check mtasts_outcome_record_check(const mtasts_outcome *outcome);

/**
 * Frees an outcome. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_outcome_free(mtasts_outcome *outcome);

/**
 * Parses the saved entry of `domain`: `len` octets at `text`, as returned by mtasts_entry_text(). A text of version 1
 * has no domain: it is accepted for any domain.
 *
 * Errors: 101 to 109 for the domain; 701 to 709 for the text, with line and octet: it is truncated, damaged, of a
 * future version, or of another domain. Continue as if nothing were remembered.
 *
 * Ownership: the caller owns `*entry`; free it with mtasts_entry_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_entry_parse(const uint8_t *text,
                                 size_t len,
                                 const char *domain,
                                 mtasts_entry **entry,
                                 mtasts_error **error);

/**
 * Creates an entry for a policy that was fetched in another way: `policy` (which remains the caller's), the `id` of
 * the record before the fetch, `fetched_at`, the time of the request, and `checked_until`, until when the record need
 * not be queried.
 *
 * Errors: "bad-id".
 *
 * Ownership: the caller owns `*entry`; free it with mtasts_entry_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_entry_new(const mtasts_policy *policy,
                               const char *id,
                               uint64_t fetched_at,
                               uint64_t checked_until,
                               mtasts_entry **entry,
                               mtasts_error **error);

/**
 * The entry of `domain` as text, identical in every store and every language: save it, and parse it with
 * mtasts_entry_parse(). NULL for NULL, and if `domain` is not a domain.
 *
 * Ownership: the result is owned by `entry` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_entry_text(const mtasts_entry *entry, const char *domain);

/**
 * The policy, expired or not. NULL if there is none, and for NULL.
 *
 * Ownership: the result is owned by `entry` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_policy *mtasts_entry_policy(const mtasts_entry *entry);

/**
 * Returns 1 if a policy is in force at the time `now`, in Unix seconds, otherwise 0. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_entry_is_valid(const mtasts_entry *entry, uint64_t now);

/**
 * The id that the record had before the policy was fetched. NULL if there is no policy, and for NULL.
 *
 * Ownership: the result is owned by `entry` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_entry_policy_id(const mtasts_entry *entry);

/**
 * The time at which the policy was requested, in Unix seconds: the response may have been delayed. 0 if there is no
 * policy, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_entry_fetched_at(const mtasts_entry *entry);

/**
 * The last second in which the policy is in force, in Unix seconds. 0 if there is no policy, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_entry_expires_at(const mtasts_entry *entry);

/**
 * The time at which the policy should be fetched again, while it still protects mail (RFC 8461, 3.3 and 10.2), in Unix
 * seconds, for users of a store of their own: run a lookup with MTASTS_PURPOSE_REFRESH then. A mtasts_cache uses the
 * same schedule.
 *
 * This is a day after the request, or half of max_age if that is shorter, and up to a quarter of that earlier:
 * `spread`, any fixed number for the domain, says how much earlier, with 0 for not at all, so that not all domains are
 * due at the same time. UINT64_MAX if max_age is less than an hour or the policy has expired at the time `now`, since
 * it is then fetched when there is mail; also if there is no policy, and for NULL.
 *
 * A fetch time in the future is from before the clock stepped back, and counts as `now`: so if a time that you stored
 * is more than a day ahead, it is also from before that, and the policy is due. While refreshes fail, the policy stays
 * due: wait for half an hour before the next one.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_entry_refresh_at(const mtasts_entry *entry,
                                 uint64_t spread,
                                 uint64_t now);

/**
 * The time until which the record need not be queried again, in Unix seconds; 0 if it must be, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_entry_checked_until(const mtasts_entry *entry);

/**
 * The reason why the domain had no usable record, as a MTASTS_ERR_ number. 0 if no absence is remembered, and for
 * NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_entry_absence(const mtasts_entry *entry);

/**
 * The time until which the absence of a record is remembered, in Unix seconds. 0 if none is, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_entry_absence_until(const mtasts_entry *entry);

/**
 * The number of record ids in back-off: at most 4. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_entry_back_off_count(const mtasts_entry *entry);

/**
 * A record id in back-off, by its index from 0. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `entry` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_entry_back_off_id(const mtasts_entry *entry, size_t index);

/**
 * The end of the back-off of a record id, in Unix seconds. 0 for NULL, and if the index is out of range.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_entry_back_off_until(const mtasts_entry *entry, size_t index);

/**
 * The number of fetches that have failed since the policy was fetched. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint32_t mtasts_entry_fetch_failures(const mtasts_entry *entry);

/**
 * Frees an entry. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_entry_free(mtasts_entry *entry);

/**
 * Creates a cache for `max_entries` domains (0 for the default, 65536) whose policies take at most `max_octets` octets
 * of memory (0 for the default, 256 MiB); a policy is no longer refreshed after `unused_for` seconds without use (0
 * for the default, 180 days).
 *
 * A policy shared by many domains counts once. It takes at most 2.5 times the size of its text plus 200 octets; one
 * that takes more than fifteen sixteenths of `max_octets` is not cached. When the limit is reached, policies without
 * repeated use are evicted, from the size class that takes the most.
 *
 * Take `seed` from a source of random numbers, and keep it secret: it keys the hash of the names, which attackers
 * choose, and spreads the refreshes.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Ownership: the caller owns `*cache`; free it with mtasts_cache_free().
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_cache_new(uint64_t seed,
                               size_t max_entries,
                               size_t max_octets,
                               uint64_t unused_for,
                               mtasts_cache **cache);

/**
 * The number of cached domains. 0 for NULL, and when poisoned.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_cache_len(const mtasts_cache *cache);

/**
 * The memory that the policies take, in octets. 0 for NULL, and when poisoned.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_cache_octets(const mtasts_cache *cache);

/**
 * Looks up the entry of `domain` for a delivery at the time `now` in Unix seconds, and marks the domain as used.
 * `*entry` becomes NULL if nothing in it is current.
 *
 * Errors: 101 to 109 for the domain.
 *
 * Ownership: the caller owns `*entry`; free it with mtasts_entry_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_cache_get(const mtasts_cache *cache,
                               const char *domain,
                               uint64_t now,
                               mtasts_entry **entry,
                               mtasts_error **error);

/**
 * The same as mtasts_cache_get(), without marking a use: for a refresh, or for inspection.
 *
 * Errors: 101 to 109 for the domain.
 *
 * Ownership: the caller owns `*entry`; free it with mtasts_entry_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_cache_peek(const mtasts_cache *cache,
                                const char *domain,
                                uint64_t now,
                                mtasts_entry **entry,
                                mtasts_error **error);

/**
 * Applies the update of `outcome` to the entry of `domain` at the time `now`. `*evicted` becomes the entries evicted
 * for it, several if the policies took too much memory, or NULL; `evicted` may be NULL.
 *
 * Errors: 101 to 109 for the domain.
 *
 * Ownership: the caller owns `*evicted`; free it with mtasts_entries_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_cache_apply(const mtasts_cache *cache,
                                 const char *domain,
                                 const mtasts_outcome *outcome,
                                 uint64_t now,
                                 mtasts_entries **evicted,
                                 mtasts_error **error);

/**
 * Replaces the cached entry of `domain` by `entry`, which remains the caller's: for loading saved entries. `*evicted`
 * is as in mtasts_cache_apply(). It counts as a use.
 *
 * Errors: 101 to 109 for the domain.
 *
 * Ownership: the caller owns `*evicted`; free it with mtasts_entries_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_cache_insert(const mtasts_cache *cache,
                                  const char *domain,
                                  const mtasts_entry *entry,
                                  uint64_t now,
                                  mtasts_entries **evicted,
                                  mtasts_error **error);

/**
 * Removes `domain`. It is not an error if it is not cached.
 *
 * Errors: 101 to 109 for the domain.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_cache_remove(const mtasts_cache *cache, const char *domain, mtasts_error **error);

/**
 * Removes the entry that expired first, at the time `now`; `*expired` becomes a list with this entry, or NULL if none
 * has expired. There is no need to call it: expired entries are evicted first.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Ownership: the caller owns `*expired`; free it with mtasts_entries_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_cache_remove_expired(const mtasts_cache *cache,
                                          uint64_t now,
                                          mtasts_entries **expired);

/**
 * Returns a domain whose policy is due for a refresh at the time `now`, the longest overdue first; `*domain` becomes
 * NULL if there is none. Run a lookup with MTASTS_PURPOSE_REFRESH on the entry from mtasts_cache_peek(), and apply its
 * outcome with mtasts_cache_apply().
 *
 * A domain is not returned again until then, or for 30 minutes. Errors: MTASTS_ERR_NULL.
 *
 * Ownership: the caller owns `*domain`; free it with mtasts_domain_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_cache_poll_refresh(const mtasts_cache *cache,
                                        uint64_t now,
                                        mtasts_domain **domain);

/**
 * The time at which mtasts_cache_poll_refresh() next has something to do, in Unix seconds; a time in the past means
 * now. UINT64_MAX if there is nothing to do, for NULL, and when poisoned. It may change with every call on the cache.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_cache_poll_timeout(const mtasts_cache *cache);

/**
 * Copies every domain and its entry, in order to save them: mtasts_entry_text() of each, for its
 * mtasts_entries_domain(). Load them in this order with mtasts_cache_insert().
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Ownership: the caller owns `*entries`; free it with mtasts_entries_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_cache_entries(const mtasts_cache *cache, mtasts_entries **entries);

/**
 * Frees a cache. NULL is fine. No other thread may be using it.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_cache_free(mtasts_cache *cache);

/**
 * The number of entries. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_entries_count(const mtasts_entries *entries);

/**
 * The domain of an entry, by its index from 0. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `entries` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_entries_domain(const mtasts_entries *entries, size_t index);

/**
 * An entry, by its index from 0. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `entries` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_entry *mtasts_entries_get(const mtasts_entries *entries, size_t index);

/**
 * Frees entries. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_entries_free(mtasts_entries *entries);

/**
 * Determines what a message asks about TLS, one of the MTASTS_MESSAGE_ numbers, from its `facts`: the MTASTS_FACT_
 * flags that apply to it, combined with |, or 0. Other bits are ignored.
 *
 * REQUIRETLS takes precedence over the header field, and does not apply to a message with a null reverse path (RFC
 * 8689, 4).
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_message mtasts_message_tls(mtasts_message_facts facts);

/**
 * Returns 1 if a message says "TLS-Required: No", otherwise 0; `values` has the `count` values of all its header
 * fields of that name. There must be exactly one such field, with the value "No" alone. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_tls_required_no(const mtasts_bytes *values,
                               size_t count);

/**
 * Creates a delivery under the outcome of a lookup: its policy, none, or that this could not be determined. The
 * outcome remains the caller's and may be freed afterwards.
 *
 * If DNS did not tell whether there is a policy, no host receives the message: connecting is the goal of an attacker
 * who suppresses the record (RFC 8461, 10.2). NULL has the same effect. The caller frees the delivery with
 * mtasts_delivery_free(). Never returns NULL.
 *
 * Ownership: the caller owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_delivery *mtasts_delivery_of(const mtasts_outcome *outcome);

/**
 * Creates a delivery under `policy`, which remains the caller's and may be freed afterwards. NULL counts as an unknown
 * policy, as in mtasts_delivery_undetermined().
 *
 * The caller frees it with mtasts_delivery_free(). Never returns NULL.
 *
 * Ownership: the caller owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_delivery *mtasts_delivery_under(const mtasts_policy *policy);

/**
 * Creates a delivery to a domain that provably has no policy. If that is not known, use
 * mtasts_delivery_undetermined().
 *
 * The caller frees it with mtasts_delivery_free(). Never returns NULL.
 *
 * Ownership: the caller owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_delivery *mtasts_delivery_without_policy(void);

/**
 * Creates a delivery to a domain whose policy could not be determined: the message waits.
 *
 * The caller frees it with mtasts_delivery_free(). Never returns NULL.
 *
 * Ownership: the caller owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_delivery *mtasts_delivery_undetermined(void);

/**
 * Sets what the message asks about TLS: `message` is one of the MTASTS_MESSAGE_ numbers.
 *
 * Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown number.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_delivery_set_message(mtasts_delivery *delivery, mtasts_message message);

/**
 * Sets what the operator requires of every session: `minimum` is one of the MTASTS_MINIMUM_ numbers. No policy lowers
 * it.
 *
 * Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown number.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_delivery_set_minimum(mtasts_delivery *delivery,
                                          mtasts_minimum minimum);

/**
 * Sets the precedence for a host that has both DANE and a policy: `precedence` is one of the MTASTS_DANE_PRECEDENCE_
 * numbers.
 *
 * Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown number.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_delivery_set_dane_precedence(mtasts_delivery *delivery,
                                                  mtasts_dane_precedence precedence);

/**
 * Sets whether the message is a TLSRPT report (`is_report` is nonzero): it is sent despite failures of MTA-STS and
 * DANE, and its sessions are not counted (RFC 8460, 3 and 5.3.1).
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_delivery_set_tlsrpt_report(mtasts_delivery *delivery,
                                                int32_t is_report);

/**
 * Frees a delivery. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_delivery_free(mtasts_delivery *delivery);

/**
 * Creates a host of the MX list, of which only the `name` is known, as given in the MX record.
 *
 * A domain without MX records is its own only MX host, and so is a smart host. A text that is not a host name, such as
 * an IP address, is not an error: such a host is skipped if a policy is enforced or a certificate required, and
 * receives the message otherwise. Errors: MTASTS_ERR_NULL.
 *
 * Ownership: the caller owns `*host`; free it with mtasts_mx_host_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_mx_host_new(const char *name,
                                 mtasts_mx_host **host,
                                 mtasts_error **error);

/**
 * Sets what DNS says about DANE for the host, before a connection: `dane` is MTASTS_DANE_NOT_APPLICABLE,
 * MTASTS_DANE_USABLE or MTASTS_DANE_LOOKUP_FAILED. The result for its certificate is passed to mtasts_check_session().
 *
 * Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown number.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_mx_host_set_dane(mtasts_mx_host *host,
                                      mtasts_dane dane);

/**
 * Sets whether DNSSEC authenticates the name of the host (`authenticated` is nonzero) (RFC 8689, 4.2.1).
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_mx_host_set_dnssec(mtasts_mx_host *host, int32_t authenticated);

/**
 * Frees a host. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_mx_host_free(mtasts_mx_host *host);

/**
 * Decides about an MX host before a connection.
 *
 * For a sender that learns of its hosts one by one; with the whole list, and what DANE says of each host, use
 * mtasts_plan(), whose verdicts are the same. A `*verdict` of an earlier call is overwritten and not freed: free it
 * first.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Ownership: the caller owns `*verdict`; free it with mtasts_mx_verdict_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_check_mx(const mtasts_delivery *delivery,
                              const mtasts_mx_host *host,
                              mtasts_mx_verdict **verdict);

/**
 * Decides about every host of an MX list: `count` hosts at `hosts`, in order, leaving none out.
 *
 * The verdicts are those of mtasts_check_mx(), and mtasts_mx_plan_permits_none() tells whether no connection makes
 * sense. A `*plan` of an earlier call is overwritten and not freed: free it first.
 *
 * Errors: MTASTS_ERR_NULL, also if a host is NULL.
 *
 * Ownership: the caller owns `*plan`; free it with mtasts_mx_plan_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_plan(const mtasts_delivery *delivery,
                          const mtasts_mx_host *const *hosts,
                          size_t count,
                          mtasts_mx_plan **plan);

/**
 * The number of hosts in the plan. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_mx_plan_count(const mtasts_mx_plan *plan);

/**
 * The verdict about a host, by its index from 0. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `plan` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_mx_verdict *mtasts_mx_plan_get(const mtasts_mx_plan *plan, size_t index);

/**
 * Returns 1 if no host may receive the message, otherwise 0. There is nothing to connect to then: continue with
 * mtasts_conclude(). 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_mx_plan_permits_none(const mtasts_mx_plan *plan);

/**
 * Frees a plan. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_mx_plan_free(mtasts_mx_plan *plan);

/**
 * The decision: one of the MTASTS_MX_ numbers. MTASTS_MX_SKIP for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_mx_decision mtasts_mx_verdict_decision(const mtasts_mx_verdict *verdict);

/**
 * The reason for skipping the host: one of the MTASTS_FAULT_ numbers. 0 if it is not skipped, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_mx_verdict_fault(const mtasts_mx_verdict *verdict);

/**
 * The name to authenticate: the DNS-ID that the certificate must match, and with DANE the TLSA base domain. It is set
 * for MTASTS_MX_AUTHENTICATE, _AUTHENTICATE_BY_DANE and _AUTHENTICATE_BY_BOTH; NULL for the others, and for NULL.
 *
 * Ownership: the result is owned by `verdict` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_mx_verdict_dns_id(const mtasts_mx_verdict *verdict);

/**
 * The number of rows to count in TLSRPT now: those of a skipped host. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_mx_verdict_row_count(const mtasts_mx_verdict *verdict);

/**
 * A row for TLSRPT, by its index from 0. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `verdict` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_tlsrpt_row *mtasts_mx_verdict_row_get(const mtasts_mx_verdict *verdict, size_t index);

/**
 * Frees a verdict from mtasts_check_mx(); those of a plan are freed with it. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_mx_verdict_free(mtasts_mx_verdict *verdict);

/**
 * Decides about a session, after the TLS attempt and the EHLO that follows: `tls`, the result of the attempt, is one
 * of the MTASTS_TLS_ numbers; `dane_result`, the result of comparing the certificate with the TLSA records, is one of
 * the MTASTS_DANE_RESULT_ numbers; `offers_requiretls` is nonzero if that EHLO response offered REQUIRETLS.
 *
 * A host with MTASTS_DANE_USABLE receives the message only with MTASTS_DANE_RESULT_PASSED. If `tls` means that there
 * is no TLS of version 1.2 or later, `dane_result` must be MTASTS_DANE_RESULT_NOT_CHECKED. A `*verdict` of an earlier
 * call is overwritten and not freed: free it first.
 *
 * Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown number, and for a DANE result without such TLS: end the
 * session without sending the message.
 *
 * Ownership: the caller owns `*verdict`; free it with mtasts_session_verdict_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_check_session(const mtasts_delivery *delivery,
                                   const mtasts_mx_host *host,
                                   mtasts_tls tls,
                                   mtasts_dane_result dane_result,
                                   int32_t offers_requiretls,
                                   mtasts_session_verdict **verdict);

/**
 * The decision: one of the MTASTS_SESSION_ numbers. MTASTS_SESSION_TRY_NEXT_MX for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_session_decision mtasts_session_verdict_decision(const mtasts_session_verdict *verdict);

/**
 * The reason for not sending the message: one of the MTASTS_FAULT_ numbers. 0 if it may be sent, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_session_verdict_fault(const mtasts_session_verdict *verdict);

/**
 * The number of rows to count in TLSRPT, successes included: one for each type of policy that was checked. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_session_verdict_row_count(const mtasts_session_verdict *verdict);

/**
 * A row for TLSRPT, by its index from 0. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `verdict` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_tlsrpt_row *mtasts_session_verdict_row_get(const mtasts_session_verdict *verdict, size_t index);

/**
 * Frees a verdict. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_session_verdict_free(mtasts_session_verdict *verdict);

/**
 * The type of policy under which the row is counted: one of the MTASTS_POLICY_TYPE_ numbers. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_policy_type mtasts_tlsrpt_row_policy_type(const mtasts_tlsrpt_row *row);

/**
 * The result type: one of the MTASTS_TLSRPT_ numbers. 0 for a row that counts as a success, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_result_type mtasts_tlsrpt_row_result_type(const mtasts_tlsrpt_row *row);

/**
 * The reason of the `row`, one of the MTASTS_FAULT_ numbers: its mtasts_status_code() is the failure-reason-code. 0 for none, and for
 * NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_tlsrpt_row_reason(const mtasts_tlsrpt_row *row);

/**
 * Compares the outcome of a lookup for MTASTS_PURPOSE_BEFORE_PERMANENT_FAILURE with the policy of the `delivery`: one
 * of the MTASTS_RECHECK_ numbers, for mtasts_conclude(). MTASTS_RECHECK_NOT_CHECKED for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_recheck mtasts_delivery_recheck(const mtasts_delivery *delivery,
                                       const mtasts_outcome *outcome);

/**
 * Decides what to do with the message after no MX host accepted it. For each of the `count` hosts that were tried or
 * skipped, `hosts` has the MTASTS_FAULT_ number of its verdict, or 0 if it was unreachable or answered with a
 * temporary failure; `lifetime` is one of the MTASTS_QUEUE_ numbers; `recheck` is MTASTS_RECHECK_NONE, or the result
 * of mtasts_delivery_recheck() after MTASTS_CONCLUSION_RECHECK_POLICY. `*conclusion` becomes one of the
 * MTASTS_CONCLUSION_ numbers.
 *
 * Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown fault, lifetime or recheck: keep the message.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_conclude(const mtasts_delivery *delivery,
                              const mtasts_status *hosts,
                              size_t count,
                              mtasts_queue_lifetime lifetime,
                              mtasts_recheck recheck,
                              mtasts_conclusion *conclusion);

/**
 * The enhanced status code with which to return the message: "5.4.7", "5.7.10", "5.7.30". NULL for a conclusion other
 * than a bounce. It is valid for the lifetime of the process.
 *
 * Ownership: the library owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_conclusion_enhanced_status(mtasts_conclusion conclusion);

/**
 * The keyword of a `result_type` in a report: "certificate-expired" for MTASTS_TLSRPT_CERTIFICATE_EXPIRED.
 *
 * NULL for an unknown number. It is valid for the lifetime of the process.
 *
 * Ownership: the library owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_result_type_word(mtasts_result_type result_type);

/**
 * The keyword of a `policy_type` in a report: "sts" for MTASTS_POLICY_TYPE_STS.
 *
 * NULL for an unknown number. It is valid for the lifetime of the process.
 *
 * Ownership: the library owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_policy_type_word(mtasts_policy_type policy_type);

/**
 * Parses one TXT RR that asks for TLS reports: `len` octets at `txt`, its character-strings concatenated without
 * separators.
 *
 * Unusable URIs are skipped; if there are several "rua" fields all of them count, up to 8 URIs.
 *
 * Errors: 1303 to 1311, with the octet. Such a domain gets no reports.
 *
 * Ownership: the caller owns `*record`; free it with mtasts_tlsrpt_record_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_tlsrpt_record_parse(const uint8_t *txt,
                                         size_t len,
                                         mtasts_tlsrpt_record **record,
                                         mtasts_error **error);

/**
 * Selects the record from an RRset: `count` TXT RRs at `rrs`, each with its character-strings concatenated.
 *
 * Errors: "no-tlsrpt-record" if no RR begins as a record, "several-tlsrpt-records" if two do; otherwise the same as
 * mtasts_tlsrpt_record_parse(). All of them mean: send this domain no report.
 *
 * Ownership: the caller owns `*record`; free it with mtasts_tlsrpt_record_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_tlsrpt_record_select(const mtasts_bytes *rrs,
                                          size_t count,
                                          mtasts_tlsrpt_record **record,
                                          mtasts_error **error);

/**
 * The number of URIs in a `record`: 1 to 8. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_tlsrpt_record_uri_count(const mtasts_tlsrpt_record *record);

/**
 * A URI, by its index from 0: "mailto:" with a percent-encoded address, or an "https:" URL to POST to. NULL for NULL,
 * and if the index is out of range.
 *
 * Ownership: the result is owned by `record` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_tlsrpt_record_uri_get(const mtasts_tlsrpt_record *record,
                                         size_t index);

/**
 * The address of a "mailto:" URI, percent-decoded and without its header fields, usable in a header field. NULL for an
 * "https:" URI, for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `record` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_tlsrpt_record_address_get(const mtasts_tlsrpt_record *record,
                                             size_t index);

/**
 * Frees a record. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_tlsrpt_record_free(mtasts_tlsrpt_record *record);

/**
 * Parses a report: `len` octets of uncompressed JSON at `json`, with the defaults of mtasts_report_parse_with().
 *
 * Reports are transferred in gzip form (RFC 8460, 5.2). Decompress them with zlib's inflate(), windowBits 15 + 32,
 * into a buffer of at most 10 MiB: a file of 10 KiB can expand to 10 MiB. If input is left
 * after Z_STREAM_END, continue with inflateReset(): a gzip file may have several members.
 *
 * Errors: 1321 to 1328, with mtasts_error_path() and the octet; nothing in such a report can be used.
 *
 * Ownership: the caller owns `*report`; free it with mtasts_report_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_parse(const uint8_t *json,
                                  size_t len,
                                  mtasts_report **report,
                                  mtasts_error **error);

/**
 * Parses a report: `len` octets of JSON at `json`, as strictly as `grammar` says, one of the MTASTS_REPORT_ numbers. A
 * report with more than `max_len` octets (0 for the default, 10 MiB), `max_policies` policies (0: 1,000) or
 * `max_failures` kinds of failures in all of them (0: 20,000) is refused.
 *
 * Errors: the same as mtasts_report_parse(); with MTASTS_REPORT_STRICT, 1421 to 1458, one of the MTASTS_DEVIATION_
 * numbers; MTASTS_ERR_ARGUMENT for an unknown grammar.
 *
 * Ownership: the caller owns `*report`; free it with mtasts_report_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_parse_with(const uint8_t *json,
                                       size_t len,
                                       mtasts_report_grammar grammar,
                                       size_t max_len,
                                       uint32_t max_policies,
                                       uint32_t max_failures,
                                       mtasts_report **report,
                                       mtasts_error **error);

/**
 * Sets the `domain` of the policies of a report that have none: the one in its file name (RFC 8460, 5.1), see
 * mtasts_report_file_name_domain(). The contents of the report take precedence.
 *
 * Policies and strings taken from the report before are no longer valid. Errors: MTASTS_ERR_NULL, and
 * MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_set_missing_domains(mtasts_report *report, const char *domain);

/**
 * The reporting organisation: "organization-name". NULL if it is missing, and for NULL.
 *
 * Ownership: the result is owned by `report` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_organization(const mtasts_report *report);

/**
 * The mail address of the organisation: "contact-info". NULL if it is missing, and for NULL.
 *
 * Ownership: the result is owned by `report` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_contact(const mtasts_report *report);

/**
 * The domain of the contact, which must equal the header field TLS-Report-Submitter (RFC 8460, 5.3). NULL if it is
 * missing, and for NULL.
 *
 * Ownership: the result is owned by `report` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_submitter(const mtasts_report *report);

/**
 * The "report-id": together with the organisation and the period it identifies duplicates. NULL if it is missing, and
 * for NULL.
 *
 * Ownership: the result is owned by `report` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_id(const mtasts_report *report);

/**
 * Returns 1 if the report has a period, otherwise 0. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_report_has_period(const mtasts_report *report);

/**
 * The first second of the period, in Unix seconds. 0 without a period, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_report_start(const mtasts_report *report);

/**
 * The last second of the period, in Unix seconds. 0 without a period, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_report_end(const mtasts_report *report);

/**
 * The number of successful sessions under all policies of the report. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_report_successes(const mtasts_report *report);

/**
 * The number of failed sessions under all policies of the report. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_report_failures(const mtasts_report *report);

/**
 * The number of policies in the report. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_report_policy_count(const mtasts_report *report);

/**
 * A policy of the report, by its index from 0. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `report` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_report_policy *mtasts_report_policy_get(const mtasts_report *report, size_t index);

/**
 * The type of the policy: one of the MTASTS_POLICY_TYPE_ numbers. 0 for a type that RFC 8460 does not register, and
 * for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_policy_type mtasts_report_policy_type(const mtasts_report_policy *policy);

/**
 * The type of the policy as in the report: "policy-type". NULL for NULL.
 *
 * Ownership: the result is owned by `policy` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_policy_type_word(const mtasts_report_policy *policy);

/**
 * The domain of the policy, for DANE the MX host: "policy-domain". NULL if it is missing, and for NULL.
 *
 * Ownership: the result is owned by `policy` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_policy_domain(const mtasts_report_policy *policy);

/**
 * The number of lines of the policy, or of TLSA records, in the report: "policy-string". 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_report_policy_line_count(const mtasts_report_policy *policy);

/**
 * A line of the policy, by its index from 0. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `policy` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_policy_line_get(const mtasts_report_policy *policy, size_t index);

/**
 * The number of mx patterns of the policy in the report: "mx-host". 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_report_policy_mx_count(const mtasts_report_policy *policy);

/**
 * An mx pattern of the policy, by its index from 0. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `policy` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_policy_mx_get(const mtasts_report_policy *policy, size_t index);

/**
 * The number of sessions that complied with the policy: "total-successful-session-count". 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_report_policy_successes(const mtasts_report_policy *policy);

/**
 * The number of failed sessions: "total-failure-session-count". 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_report_policy_failures(const mtasts_report_policy *policy);

/**
 * The number of kinds of failures under the policy: "failure-details". 0 for NULL.
 *
 * A session may count in several, so their sum may exceed mtasts_report_policy_failures() (RFC 8460, 4).
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_report_policy_failure_count(const mtasts_report_policy *policy);

/**
 * A kind of failure under the policy, by its index from 0. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `policy` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_failure *mtasts_report_policy_failure_get(const mtasts_report_policy *policy, size_t index);

/**
 * The kind of failure: one of the MTASTS_TLSRPT_ numbers; mtasts_hint_explain() explains it. 0 for a type that RFC
 * 8460 does not register, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_result_type mtasts_failure_result_type(const mtasts_failure *failure);

/**
 * The kind of failure as in the report: "result-type". NULL for NULL.
 *
 * Ownership: the result is owned by `failure` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_failure_result_word(const mtasts_failure *failure);

/**
 * The number of sessions affected: "failed-session-count". 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_failure_sessions(const mtasts_failure *failure);

/**
 * The address of the sending mail server, or the text in its place: "sending-mta-ip". NULL if it is missing, and for
 * NULL.
 *
 * Ownership: the result is owned by `failure` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_failure_sending_mta_ip(const mtasts_failure *failure);

/**
 * The name of the MX host, as in its MX record: "receiving-mx-hostname". NULL if it is missing, and for NULL.
 *
 * Ownership: the result is owned by `failure` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_failure_receiving_mx_hostname(const mtasts_failure *failure);

/**
 * The name that the MX host uses for itself: "receiving-mx-helo". NULL if it is missing, and for NULL.
 *
 * Ownership: the result is owned by `failure` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_failure_receiving_mx_helo(const mtasts_failure *failure);

/**
 * The address of the MX host, or the text in its place: "receiving-ip". NULL if it is missing, and for NULL.
 *
 * Ownership: the result is owned by `failure` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_failure_receiving_ip(const mtasts_failure *failure);

/**
 * The URI of a page with more information: "additional-information". NULL if it is missing, and for NULL.
 *
 * Ownership: the result is owned by `failure` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_failure_additional_information(const mtasts_failure *failure);

/**
 * The reason in the sender's own words: "failure-reason-code". NULL if it is missing, and for NULL.
 *
 * Ownership: the result is owned by `failure` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_failure_reason_code(const mtasts_failure *failure);

/**
 * The number of deviations of the report from RFC 8460 or from I-JSON: at most 256; if there are more, the last is
 * MTASTS_DEVIATION_MORE_DEVIATIONS. 0 for NULL, and for a report that was built.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_report_deviation_count(const mtasts_report *report);

/**
 * The kind of a deviation, by its index from 0: one of the MTASTS_DEVIATION_ numbers, with its mtasts_status_code()
 * and its mtasts_status_message(). 0 for NULL, and if the index is out of range.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_deviation_status(const mtasts_report *report,
                                             size_t index);

/**
 * The path of the member with a deviation, such as `policies[0].summary`; empty for the report as a whole. NULL for
 * NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `report` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_deviation_path(const mtasts_report *report,
                                         size_t index);

/**
 * The octet of the JSON at which the deviation was noticed, counted from 0. 0 for NULL, and if the index is out of
 * range.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_report_deviation_offset(const mtasts_report *report,
                                      size_t index);

/**
 * Writes the report as I-JSON on one line, in the order of RFC 8460. Compress it with gzip before sending (RFC 8460,
 * 5.2): zlib's deflate(), windowBits 15 + 16, with a buffer of deflateBound() octets.
 *
 * Errors: 1331 to 1340, with mtasts_error_path(): receivers would misread or refuse it.
 *
 * Ownership: the caller owns `*json`; free it with mtasts_text_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_json(const mtasts_report *report,
                                 mtasts_text **json,
                                 mtasts_error **error);

/**
 * Frees a report. NULL is fine. One that belongs to a due report is freed with it.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_report_free(mtasts_report *report);

/**
 * Starts a report: of the `organization`, with the mail address `contact` for questions, and the report-id `id`, about
 * the period from `start` to `end`, in Unix seconds, inclusive.
 *
 * mtasts_report_json() checks whether it may be written. Errors: MTASTS_ERR_ARGUMENT if it ends before it starts.
 *
 * Ownership: the caller owns `*builder`; free it with mtasts_report_builder_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_new(const char *organization,
                                        const char *contact,
                                        const char *id,
                                        uint64_t start,
                                        uint64_t end,
                                        mtasts_report_builder **builder,
                                        mtasts_error **error);

/**
 * Appends a policy: its `policy_type`, as returned by mtasts_policy_type_word(), its `domain`, and the numbers of
 * successful and failed sessions under it, `successes` and `failures`.
 *
 * Errors: MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_add_policy(mtasts_report_builder *builder,
                                               const char *policy_type,
                                               const char *domain,
                                               uint64_t successes,
                                               uint64_t failures);

/**
 * Appends a `line` to the policy: of an MTA-STS policy as received, or a TLSA record. A line feed ends a line.
 *
 * Errors: MTASTS_ERR_TOO_EARLY without a policy; MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_add_line(mtasts_report_builder *builder,
                                             const char *line);

/**
 * Appends an mx `pattern` to the policy, as written in the MTA-STS policy.
 *
 * Errors: the same as mtasts_report_builder_add_line().
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_add_mx(mtasts_report_builder *builder, const char *pattern);

/**
 * Appends a kind of failure to the policy: its `result_type`, as returned by mtasts_result_type_word(), and the number
 * of `sessions` affected. Everything else about it is omitted unless it is set.
 *
 * Errors: the same as mtasts_report_builder_add_line().
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_add_failure(mtasts_report_builder *builder,
                                                const char *result_type,
                                                uint64_t sessions);

/**
 * Sets the `address` of the sending mail server, for the last kind of failure.
 *
 * Errors: MTASTS_ERR_TOO_EARLY without a failure; MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_set_sending_mta_ip(mtasts_report_builder *builder, const char *address);

/**
 * Sets the `name` of the MX host, as in its MX record.
 *
 * Errors: the same as mtasts_report_builder_set_sending_mta_ip().
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_set_receiving_mx_hostname(mtasts_report_builder *builder,
                                                              const char *name);

/**
 * Sets the name of the MX host from its `greeting`, or from its EHLO response: the first word, at most 255 octets.
 *
 * Errors: the same as mtasts_report_builder_set_sending_mta_ip().
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_set_receiving_mx_helo(mtasts_report_builder *builder,
                                                          const char *greeting);

/**
 * Sets the `address` of the MX host.
 *
 * Errors: the same as mtasts_report_builder_set_sending_mta_ip().
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_set_receiving_ip(mtasts_report_builder *builder, const char *address);

/**
 * Sets the `uri` of a page with more information.
 *
 * Errors: the same as mtasts_report_builder_set_sending_mta_ip().
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_set_additional_information(mtasts_report_builder *builder,
                                                               const char *uri);

/**
 * Sets the `reason`, a code of yours or a message: at most 128 octets, with "?" for what is not printable ASCII.
 *
 * Errors: the same as mtasts_report_builder_set_sending_mta_ip().
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_set_failure_reason_code(mtasts_report_builder *builder,
                                                            const char *reason);

/**
 * Returns the finished report; the builder starts no other, and still has to be freed.
 *
 * Errors: MTASTS_ERR_TOO_EARLY if the builder has already returned its report.
 *
 * Ownership: the caller owns `*report`; free it with mtasts_report_free().
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_finish(mtasts_report_builder *builder, mtasts_report **report);

/**
 * Frees a builder, finished or not. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_report_builder_free(mtasts_report_builder *builder);

/**
 * Creates the event of a session with a host of `domain`, or of one that its policy prevented: one for each `row` of a
 * verdict. `policy` is the MTA-STS policy of the domain, or NULL; `mx_host` its MX host as given in the MX record, or
 * NULL if that is not a host name. They remain the caller's and may be freed afterwards.
 *
 * Errors: 101 to 109 for the domain and the host.
 *
 * Ownership: the caller owns `*event`; free it with mtasts_event_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_event_of_row(const char *domain,
                                  const mtasts_tlsrpt_row *row,
                                  const mtasts_policy *policy,
                                  const char *mx_host,
                                  mtasts_event **event,
                                  mtasts_error **error);

/**
 * Creates the event of a failed policy discovery of `domain`, from its `outcome`; `*event` becomes NULL if there is
 * nothing to report. Create it once for each lookup, in addition to the events of the sessions that follow.
 *
 * Errors: 101 to 109 for the domain.
 *
 * Ownership: the caller owns `*event`; free it with mtasts_event_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_event_of_outcome(const char *domain,
                                      const mtasts_outcome *outcome,
                                      mtasts_event **event,
                                      mtasts_error **error);

/**
 * Sets the TLSRPT `record` of the domain, its strings concatenated. If it asks for no reports, nothing is counted;
 * without a record the event is counted, and the record is looked up when the report is due.
 *
 * Errors: MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_event_set_record(mtasts_event *event,
                                      const char *record);

/**
 * Sets whether the message is itself a TLS report (`is_report` is nonzero). Such a session is not counted (RFC 8460,
 * 3); otherwise two domains would report to each other forever.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_event_set_tlsrpt_report(mtasts_event *event,
                                             int32_t is_report);

/**
 * Sets the name of the MX host from its `greeting`, or from its EHLO response: the first word after the reply code, at
 * most 255 octets.
 *
 * Errors: MTASTS_ERR_ARGUMENT if the event is not a session; MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_event_set_helo(mtasts_event *event,
                                    const char *greeting);

/**
 * Sets the `address` from which the session came, such as "192.0.2.1" or "2001:db8::1": the public one.
 *
 * Errors: the same as mtasts_event_set_helo(), and MTASTS_ERR_ARGUMENT if it is not an IP address.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_event_set_sending_ip(mtasts_event *event, const char *address);

/**
 * Sets the `address` of the MX host.
 *
 * Errors: the same as mtasts_event_set_sending_ip().
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_event_set_receiving_ip(mtasts_event *event, const char *address);

/**
 * Sets the `reason`, if more is known than the code of the row, such as a message of your TLS library. It is used up
 * to the first character that is not printable ASCII, at most 128 octets.
 *
 * Errors: the same as mtasts_event_set_helo().
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_event_set_reason(mtasts_event *event,
                                      const char *reason);

/**
 * Sets the TLSA records of the MX host, which are reported with what is counted under DANE: `count` strings at
 * `records`, each with usage, selector, matching type and data in hexadecimal, separated by spaces.
 *
 * Errors: the same as mtasts_event_set_helo().
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_event_set_tlsa_records(mtasts_event *event,
                                            const char *const *records,
                                            size_t count);

/**
 * The recipient domain. NULL for NULL.
 *
 * Ownership: the result is owned by `event` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_event_domain(const mtasts_event *event);

/**
 * The policy type under which the event is counted: one of the MTASTS_POLICY_TYPE_ numbers. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_policy_type mtasts_event_policy_type(const mtasts_event *event);

/**
 * Returns 1 if the event is counted as a failed session, otherwise 0. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_event_has_failed(const mtasts_event *event);

/**
 * Frees an event; those of a datagram are freed with it. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_event_free(mtasts_event *event);

/**
 * Parses a datagram: `len` octets at `octets`, at most 65536, as received by recv().
 *
 * Errors: 1341 to 1347. Any local program may write to the socket: count the error, and continue.
 *
 * Ownership: the caller owns `*datagram`; free it with mtasts_datagram_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_datagram_parse(const uint8_t *octets,
                                    size_t len,
                                    mtasts_datagram **datagram,
                                    mtasts_error **error);

/**
 * Creates a datagram about deliveries to `domain`, with this TLSRPT `record`, its strings concatenated. It is empty
 * until an event is added.
 *
 * Errors: 101 to 109 for the domain.
 *
 * Ownership: the caller owns `*datagram`; free it with mtasts_datagram_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_datagram_new(const char *domain,
                                  const char *record,
                                  mtasts_datagram **datagram,
                                  mtasts_error **error);

/**
 * Adds an event of the same domain, which remains the caller's; its own record is ignored. Returns 1 if it was added;
 * 0 if not, and for NULL.
 *
 * A datagram cannot express a failed policy discovery with a cached policy, since each of its policies stands for a
 * session, nor a session of a TLS report, which is not counted. Earlier results of mtasts_datagram_event_get() are no
 * longer valid.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
int32_t mtasts_datagram_add(mtasts_datagram *datagram,
                            const mtasts_event *event);

/**
 * Sets the `address` from which all sessions of the datagram came, such as "192.0.2.1": the public one of a host
 * behind a NAT. It does not change mtasts_datagram_json(). Earlier results of mtasts_datagram_event_get() are no
 * longer valid.
 *
 * Errors: MTASTS_ERR_NULL, MTASTS_ERR_ARGUMENT if it is not an IP address.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_datagram_set_sending_ip(mtasts_datagram *datagram,
                                             const char *address);

/**
 * The recipient domain. NULL for NULL.
 *
 * Ownership: the result is owned by `datagram` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_datagram_domain(const mtasts_datagram *datagram);

/**
 * The TLSRPT record of the domain, as seen by the sender. NULL for NULL.
 *
 * Ownership: the result is owned by `datagram` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_datagram_record(const mtasts_datagram *datagram);

/**
 * The number of events in the datagram: one for each policy. 0 for NULL, and when poisoned.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_datagram_event_count(const mtasts_datagram *datagram);

/**
 * An event, by its index from 0, with the record of the datagram. NULL for NULL, if the index is out of range, and
 * when poisoned.
 *
 * Ownership: the result is owned by `datagram` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_event *mtasts_datagram_event_get(const mtasts_datagram *datagram,
                                              size_t index);

/**
 * Writes the datagram in the form of libtlsrpt, version 1, ready to be sent.
 *
 * Errors: "datagram-without-policy" and "datagram-too-long": do not send it.
 *
 * Ownership: the caller owns `*json`; free it with mtasts_text_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_datagram_json(const mtasts_datagram *datagram, mtasts_text **json, mtasts_error **error);

/**
 * Frees a datagram. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_datagram_free(mtasts_datagram *datagram);

/**
 * Creates a sender with the mail address `contact`, a plain one such as "tls-reports@example.com", and the name
 * `organization`, at most 255 octets. The submitter is always the domain of the address (RFC 8460, 5.3).
 *
 * Errors: 1361 and 1362. This is a configuration error: report it, and send no reports.
 *
 * Ownership: the caller owns `*sender`; free it with mtasts_report_sender_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_sender_new(const char *contact,
                                       const char *organization,
                                       mtasts_report_sender **sender,
                                       mtasts_error **error);

/**
 * The domain of the sender: lower case, A-labels. NULL for NULL.
 *
 * Ownership: the result is owned by `sender` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_sender_submitter(const mtasts_report_sender *sender);

/**
 * The mail address, its domain in lower case and A-labels. NULL for NULL.
 *
 * Ownership: the result is owned by `sender` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_sender_contact(const mtasts_report_sender *sender);

/**
 * The name of the organisation. NULL for NULL.
 *
 * Ownership: the result is owned by `sender` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_sender_organization(const mtasts_report_sender *sender);

/**
 * Frees a sender. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_report_sender_free(mtasts_report_sender *sender);

/**
 * Creates an empty tally, for reports of `sender`, which may be freed afterwards. It counts at most `max_domains`
 * domains in a day (0 for the default, 65536) in `max_octets` octets of memory (0 for the default, 64 MiB).
 *
 * Take `seed` from a source of random numbers, keep it secret, and keep it across restarts: it keys the hash of the
 * names, which attackers choose, and determines when the report of a domain is due.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Ownership: the caller owns `*tally`; free it with mtasts_tally_free().
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_tally_new(uint64_t seed,
                               const mtasts_report_sender *sender,
                               size_t max_domains,
                               size_t max_octets,
                               mtasts_tally **tally);

/**
 * Parses the text of a tally: `len` octets at `text`, as written by mtasts_tally_text(); `seed`, `sender`,
 * `max_domains` and `max_octets` are as in mtasts_tally_new().
 *
 * Errors: 1351 to 1354, with line and octet: keep the text for inspection, and start with an empty tally.
 *
 * Ownership: the caller owns `*tally`; free it with mtasts_tally_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_tally_parse(const uint8_t *text,
                                 size_t len,
                                 uint64_t seed,
                                 const mtasts_report_sender *sender,
                                 size_t max_domains,
                                 size_t max_octets,
                                 mtasts_tally **tally,
                                 mtasts_error **error);

/**
 * Writes the tally as text: save it in a file, and parse it with mtasts_tally_parse(). It contains the domains of your
 * recipients, so keep it private.
 *
 * Errors: MTASTS_ERR_NULL, MTASTS_ERR_POISONED.
 *
 * Ownership: the caller owns `*text`; free it with mtasts_text_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_tally_text(const mtasts_tally *tally,
                                mtasts_text **text);

/**
 * Counts an event at the time `now`, in Unix seconds, and returns one of the MTASTS_COUNTED_ numbers. 0 for NULL, and
 * when poisoned.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_counted mtasts_tally_count(mtasts_tally *tally,
                                  const mtasts_event *event,
                                  uint64_t now);

/**
 * Counts all events of a datagram at the time `now`, in Unix seconds, and returns how many were counted. 0 for NULL,
 * and when poisoned.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
size_t mtasts_tally_count_datagram(mtasts_tally *tally,
                                   const mtasts_datagram *datagram,
                                   uint64_t now);

/**
 * The word for one of the MTASTS_COUNTED_ numbers, `counted`, for logs and metrics: "whole", "folded", or a reason
 * such as "too-many-domains". NULL for an unknown number. It is valid for the lifetime of the process.
 *
 * Ownership: the library owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_counted_word(mtasts_counted counted);

/**
 * Adds the undelivered counts of the tally `other`, day by day. It is unchanged: merging a tally twice counts twice.
 * What does not fit is lost, see mtasts_tally_lost_sessions().
 *
 * Errors: MTASTS_ERR_NULL, MTASTS_ERR_POISONED; MTASTS_ERR_ARGUMENT if both are the same.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_tally_merge(mtasts_tally *tally,
                                 const mtasts_tally *other);

/**
 * Records that a report was mailed to `domain` at the time `now`: that of the address, not the one that the report is
 * about. Call it for each attempt, so that nobody gets a report about reports only (RFC 8460, 3).
 *
 * Errors: 101 to 109 for the domain.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_tally_note_report_mail(mtasts_tally *tally,
                                            const char *domain,
                                            uint64_t now,
                                            mtasts_error **error);

/**
 * Returns the next report that is due at the time `now`, in Unix seconds; `*due` becomes NULL if there is none.
 *
 * It becomes due again, as after a failed delivery, unless mtasts_tally_handle_delivery() is called with the result;
 * so a process that dies in the meantime loses none. Errors: MTASTS_ERR_NULL, MTASTS_ERR_POISONED.
 *
 * Ownership: the caller owns `*due`; free it with mtasts_due_report_free().
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_tally_poll_report(mtasts_tally *tally,
                                       uint64_t now,
                                       mtasts_due_report **due);

/**
 * The time at which the next report is due, in Unix seconds; a time in the past means now. UINT64_MAX if there is
 * none, for NULL, and when poisoned. It may change with every call on the tally.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_tally_poll_timeout(const mtasts_tally *tally);

/**
 * Takes the result of a delivery at the time `now`: `delivery` is one of the MTASTS_REPORT_DELIVERY_ numbers. `due`
 * remains the caller's. `*retry_at` becomes the time at which the report is due again, in Unix seconds, or UINT64_MAX
 * for never; `retry_at` may be NULL.
 *
 * After a failure, retries follow 5, 15 and 45 minutes, 2, 5 and 15 hours after the previous attempt. An unknown
 * report changes nothing. Errors: MTASTS_ERR_NULL, MTASTS_ERR_POISONED; MTASTS_ERR_ARGUMENT for an unknown number.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_tally_handle_delivery(mtasts_tally *tally,
                                           const mtasts_due_report *due,
                                           mtasts_report_delivery delivery,
                                           uint64_t now,
                                           uint64_t *retry_at);

/**
 * Returns 1 if there is nothing to report, otherwise 0. 0 for NULL, and when poisoned.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_tally_is_empty(const mtasts_tally *tally);

/**
 * The number of domains counted on the day of UTC that contains the time `day`, in Unix seconds. 0 for NULL, and when
 * poisoned.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_tally_domains(const mtasts_tally *tally,
                            uint64_t day);

/**
 * The memory of all counts, in octets. 0 for NULL, and when poisoned.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_tally_octets(const mtasts_tally *tally);

/**
 * The number of sessions lost because there was no room for them in a merge, in a text, or after the clock was
 * corrected. 0 for NULL, and when poisoned.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_tally_lost_sessions(const mtasts_tally *tally);

/**
 * Frees a tally. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_tally_free(mtasts_tally *tally);

/**
 * The domain that the report is about and goes to. NULL for NULL.
 *
 * Ownership: the result is owned by `due` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_due_report_domain(const mtasts_due_report *due);

/**
 * The last TLSRPT record of the domain seen; NULL if there was none, and for NULL.
 *
 * Look it up again: if it is gone, the domain wants no report (MTASTS_REPORT_DELIVERY_REFUSED); if DNS fails, use this
 * one. mtasts_tlsrpt_record_parse() parses it.
 *
 * Ownership: the result is owned by `due` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_due_report_record(const mtasts_due_report *due);

/**
 * The report. mtasts_report_mail_new() makes the mail for it, and mtasts_report_json() the attachment, or the body to
 * POST to an "https:" URI as "application/tlsrpt+gzip". NULL for NULL.
 *
 * Ownership: the result is owned by `due` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_report *mtasts_due_report_report(const mtasts_due_report *due);

/**
 * The number of the attempt for a `due` report, counted from 1. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint32_t mtasts_due_report_attempt(const mtasts_due_report *due);

/**
 * Frees a due report; the tally keeps its counts. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_due_report_free(mtasts_due_report *due);

/**
 * Creates the parts of the mail with `report` about `domain` from `sender`; all of them remain the caller's. For a due
 * report, pass mtasts_due_report_report() and mtasts_due_report_domain().
 *
 * Errors: 1366 to 1368, which never apply to a report of a tally: receivers would not accept it as a report of this
 * sender. 101 to 109 for the domain.
 *
 * Ownership: the caller owns `*mail`; free it with mtasts_report_mail_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_mail_new(const mtasts_report *report,
                                     const char *domain,
                                     const mtasts_report_sender *sender,
                                     mtasts_report_mail **mail,
                                     mtasts_error **error);

/**
 * The value of the header field Subject on one line: fold it if it is longer than 998 octets. NULL for NULL.
 *
 * Ownership: the result is owned by `mail` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_mail_subject(const mtasts_report_mail *mail);

/**
 * The number of further header fields: TLS-Report-Domain, TLS-Report-Submitter, the mark of an automatic message (RFC
 * 3834), and the request to deliver it despite TLS failures (RFC 8689, 3). 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_report_mail_header_count(const mtasts_report_mail *mail);

/**
 * The name of a header field, by its index from 0. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `mail` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_mail_header_name(const mtasts_report_mail *mail, size_t index);

/**
 * The value of a header field, by its index from 0. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `mail` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_mail_header_value(const mtasts_report_mail *mail, size_t index);

/**
 * The Content-Type of the whole mail: add a semicolon and your boundary. NULL for NULL.
 *
 * Ownership: the result is owned by `mail` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_mail_content_type(const mtasts_report_mail *mail);

/**
 * A text for people: totals and failures; lines of at most 78 characters, except for longer names, ended by line
 * feeds. NULL for NULL.
 *
 * Ownership: the result is owned by `mail` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_mail_text(const mtasts_report_mail *mail);

/**
 * The name of the attached file. NULL for NULL.
 *
 * Ownership: the result is owned by `mail` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_mail_file_name(const mtasts_report_mail *mail);

/**
 * The type of the attached file: "application/tlsrpt+gzip". NULL for NULL.
 *
 * Ownership: the result is owned by `mail` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_mail_media_type(const mtasts_report_mail *mail);

/**
 * Frees the parts of a mail. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_report_mail_free(mtasts_report_mail *mail);

/**
 * Parses the `value` of a header field Subject, folded or not, with encoded words decoded; `*subject` becomes NULL for
 * that of another mail.
 *
 * Errors: MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Ownership: the caller owns `*subject`; free it with mtasts_report_subject_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_subject_parse(const char *value,
                                          mtasts_report_subject **subject,
                                          mtasts_error **error);

/**
 * The domain that the report is about. NULL for NULL.
 *
 * Ownership: the result is owned by `subject` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_subject_domain(const mtasts_report_subject *subject);

/**
 * The domain that sent the report. NULL for NULL.
 *
 * Ownership: the result is owned by `subject` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_subject_submitter(const mtasts_report_subject *subject);

/**
 * The Report-ID, without angle brackets; some senders use a different one in the report. NULL for NULL.
 *
 * Ownership: the result is owned by `subject` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_subject_report_id(const mtasts_report_subject *subject);

/**
 * Frees a subject. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_report_subject_free(mtasts_report_subject *subject);

/**
 * Parses the `name` of a file; `*file_name` becomes NULL for that of another file.
 *
 * Errors: MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Ownership: the caller owns `*file_name`; free it with mtasts_report_file_name_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_file_name_parse(const char *name,
                                            mtasts_report_file_name **file_name,
                                            mtasts_error **error);

/**
 * The domain that sent the report. NULL for NULL.
 *
 * Ownership: the result is owned by `file_name` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_file_name_submitter(const mtasts_report_file_name *file_name);

/**
 * The domain that the report is about, for mtasts_report_set_missing_domains(). NULL for NULL.
 *
 * Ownership: the result is owned by `file_name` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_file_name_domain(const mtasts_report_file_name *file_name);

/**
 * The first second of the period, in Unix seconds. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_report_file_name_start(const mtasts_report_file_name *file_name);

/**
 * The last second of the period, in Unix seconds. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_report_file_name_end(const mtasts_report_file_name *file_name);

/**
 * The part that distinguishes two files about the same period. NULL if the name has none, and for NULL.
 *
 * Ownership: the result is owned by `file_name` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_file_name_unique_id(const mtasts_report_file_name *file_name);

/**
 * Returns 1 if the name says that the file is compressed with gzip, otherwise 0. 0 for NULL. The file itself is more
 * reliable: a compressed one begins with the octets 1f 8b.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_report_file_name_is_compressed(const mtasts_report_file_name *file_name);

/**
 * The name in its canonical form. NULL for NULL.
 *
 * Ownership: the result is owned by `file_name` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_file_name_text(const mtasts_report_file_name *file_name);

/**
 * Frees a parsed file name. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_report_file_name_free(mtasts_report_file_name *file_name);

/**
 * Explains a failure in a report by its `policy_type`, one of the MTASTS_POLICY_TYPE_ numbers, its `result_type`, one
 * of the MTASTS_TLSRPT_ numbers, and its failure-reason-code, `reason`. Pass 0 for a type that RFC 8460 does not
 * register, as returned by mtasts_failure_result_type(); `reason` may be NULL.
 *
 * Reasons are in the sender's own words: those of this library, Postfix, OpenSSL, Microsoft, mox, Stalwart and
 * programs in Go are known. Errors: MTASTS_ERR_ARGUMENT for an unknown number; MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Ownership: the caller owns `*hint`; free it with mtasts_hint_free().
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_hint_explain(mtasts_policy_type policy_type,
                                  mtasts_result_type result_type,
                                  const char *reason,
                                  mtasts_hint **hint,
                                  mtasts_error **error);

/**
 * The hint with this `code`, including the codes of findings; `*hint` becomes NULL for any other.
 *
 * Errors: MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Ownership: the caller owns `*hint`; free it with mtasts_hint_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_hint_from_code(const char *code, mtasts_hint **hint, mtasts_error **error);

/**
 * The stable code of the hint, such as "chain-incomplete": the same for the same fault, whatever the sender calls it.
 * NULL for NULL.
 *
 * Ownership: the result is owned by `hint` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_hint_code(const mtasts_hint *hint);

/**
 * Who has to act: one of the MTASTS_WHOSE_ numbers. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_whose mtasts_hint_whose(const mtasts_hint *hint);

/**
 * The word for one of the MTASTS_WHOSE_ numbers, `whose`: "owner", "sender" or "unclear". NULL for an unknown number.
 * It is valid for the lifetime of the process.
 *
 * Ownership: the library owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_whose_word(mtasts_whose whose);

/**
 * What happened, in one sentence. NULL for NULL.
 *
 * Ownership: the result is owned by `hint` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_hint_cause(const mtasts_hint *hint);

/**
 * What to do, in one sentence. NULL for NULL.
 *
 * Ownership: the result is owned by `hint` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_hint_fix(const mtasts_hint *hint);

/**
 * Frees a hint; one that belongs to a readiness is freed with it. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_hint_free(mtasts_hint *hint);

/**
 * Creates the facts about the `policy` of `domain`, in mode testing; both remain the caller's and may be freed
 * afterwards.
 *
 * Errors: 101 to 109 for the domain.
 *
 * Ownership: the caller owns `*ready`; free it with mtasts_ready_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_ready_new(const char *domain,
                               const mtasts_policy *policy,
                               mtasts_ready **ready,
                               mtasts_error **error);

/**
 * Sets the `time` since when the policy has had this list of mx, in Unix seconds. If it is not set, it is taken from
 * the reports.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_ready_set_since(mtasts_ready *ready,
                                     uint64_t time);

/**
 * Sets the `time` at which a fault of the domain was last fixed, in Unix seconds. Failures of that day count as
 * earlier.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_ready_set_mended_at(mtasts_ready *ready,
                                         uint64_t time);

/**
 * Sets the result of a check of the policy: `fault` is the mtasts_hint_code() of the reason why it cannot be fetched,
 * or NULL if it can.
 *
 * Errors: MTASTS_ERR_ARGUMENT if it is not the code of a hint; MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_ready_set_policy_fault(mtasts_ready *ready,
                                            const char *fault);

/**
 * Adds an MX host with the result of a check: its `name`, the mtasts_hint_code() of its `fault`, or NULL if it passes,
 * the expiry of its certificate, `expires_at`, in Unix seconds, or 0 if unknown, and `renewal_seen`, nonzero if an
 * earlier check saw another certificate: then it is renewed automatically, and its expiry does not matter. Pass 0 for
 * `expires_at` also if a third of the certificate's life is left, so that one of six days is not held to 14.
 *
 * Add every name in the MX records or, without MX records, the domain's own name. Errors: 101 to 109 for the name;
 * MTASTS_ERR_ARGUMENT if the fault is not the code of a hint.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_ready_add_host(mtasts_ready *ready,
                                    const char *name,
                                    const char *fault,
                                    uint64_t expires_at,
                                    int32_t renewal_seen,
                                    mtasts_error **error);

/**
 * Accepts a host, `name`, that reports name although it is not an MX host in DNS.
 *
 * Errors: 101 to 109 for the name.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_ready_add_accepted(mtasts_ready *ready, const char *name, mtasts_error **error);

/**
 * Sets a threshold of a condition, `limit`, one of the MTASTS_READY_LIMIT_ numbers, to `value`; more than 2^32 - 1
 * counts as that, except for sessions.
 *
 * Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown `limit`.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_ready_set_limit(mtasts_ready *ready,
                                     mtasts_ready_limit limit,
                                     uint64_t value);

/**
 * Assesses the facts at the time `now`, in Unix seconds, with `count` reports at `reports`, in any order; they remain
 * the caller's, and so do the facts.
 *
 * Anybody can write a report: pass only those that you trust. Reports may be about any domain; a duplicate report
 * counts once. Errors: MTASTS_ERR_NULL, also if a report is NULL; MTASTS_ERR_POISONED.
 *
 * Ownership: the caller owns `*readiness`; free it with mtasts_readiness_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_ready_assess(const mtasts_ready *ready,
                                  const mtasts_report *const *reports,
                                  size_t count,
                                  uint64_t now,
                                  mtasts_readiness **readiness,
                                  mtasts_error **error);

/**
 * Frees the facts. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_ready_free(mtasts_ready *ready);

/**
 * The stable code of a condition, `rule`, such as "enough-days". NULL for an unknown number. It is valid for the
 * lifetime of the process.
 *
 * Ownership: the library owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_ready_rule_word(mtasts_ready_rule rule);

/**
 * The requirement of a condition, `rule`, in one sentence. NULL for an unknown number. It is valid for the lifetime of
 * the process.
 *
 * Ownership: the library owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_ready_rule_message(mtasts_ready_rule rule);

/**
 * Whether to enforce the policy: MTASTS_READY_YES, MTASTS_READY_NOT_YET or MTASTS_READY_BLOCKED. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_ready_verdict mtasts_readiness_verdict(const mtasts_readiness *readiness);

/**
 * With MTASTS_READY_NOT_YET, the first day on which all conditions may be met, if all faults are fixed now and there
 * are no new ones: its first second, in Unix seconds. 0 otherwise, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_readiness_earliest(const mtasts_readiness *readiness);

/**
 * Returns 1 if a condition, `rule`, is met, otherwise 0. 0 for an unknown number, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_readiness_is_met(const mtasts_readiness *readiness, mtasts_ready_rule rule);

/**
 * The number of missing things. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_readiness_shortfall_count(const mtasts_readiness *readiness);

/**
 * A missing thing, by its index from 0 in the order of the conditions. NULL for NULL, and if the index is out of
 * range.
 *
 * Ownership: the result is owned by `readiness` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_shortfall *mtasts_readiness_shortfall_get(const mtasts_readiness *readiness,
                                                       size_t index);

/**
 * The number of full days for which the list of MX hosts has been served. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_readiness_days(const mtasts_readiness *readiness);

/**
 * The number of organisations that have reported successes under the policy. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_readiness_submitters(const mtasts_readiness *readiness);

/**
 * The number of successful sessions under the policy. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_readiness_sessions(const mtasts_readiness *readiness);

/**
 * The number of those on days after the last failure of the domain's own, and after its fix: without a failure in n of
 * them, fewer than 3/n fail, with 95 % confidence. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_readiness_clean_sessions(const mtasts_readiness *readiness);

/**
 * The number of further sessions, reported by senders that do not verify in mode testing. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_readiness_unverified_sessions(const mtasts_readiness *readiness);

/**
 * The number of reports ignored because their period is missing or implausible. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_readiness_unusable_reports(const mtasts_readiness *readiness);

/**
 * The amount of evidence, such as "no failure of yours in 4212 sessions: fewer than 0.08 % fail, at 95 % confidence".
 * NULL for NULL.
 *
 * Ownership: the result is owned by `readiness` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_readiness_evidence(const mtasts_readiness *readiness);

/**
 * Frees a readiness. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_readiness_free(mtasts_readiness *readiness);

/**
 * The condition: one of the MTASTS_READY_RULE_ numbers. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_ready_rule mtasts_shortfall_rule(const mtasts_shortfall *shortfall);

/**
 * Its stable code, such as "few-submitters". NULL for NULL.
 *
 * Ownership: the result is owned by `shortfall` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_shortfall_code(const mtasts_shortfall *shortfall);

/**
 * The MX host that it is about. NULL if there is none, and for NULL.
 *
 * Ownership: the result is owned by `shortfall` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_shortfall_host(const mtasts_shortfall *shortfall);

/**
 * The fault that it is about. NULL if there is none, and for NULL.
 *
 * Ownership: the result is owned by `shortfall` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_hint *mtasts_shortfall_hint(const mtasts_shortfall *shortfall);

/**
 * What is missing, in one sentence. Text from reports is free of characters that a terminal would interpret. NULL for
 * NULL.
 *
 * Ownership: the result is owned by `shortfall` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_shortfall_message(const mtasts_shortfall *shortfall);

/**
 * What to do, in one sentence. NULL for NULL.
 *
 * Ownership: the result is owned by `shortfall` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_shortfall_fix(const mtasts_shortfall *shortfall);

/**
 * The first day on which the condition may be met, if the fault is fixed now: its first second, in Unix seconds. 0 if
 * the owner has to decide, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_shortfall_earliest(const mtasts_shortfall *shortfall);

/**
 * Returns the findings about a policy: `len` octets at `body`, checked with one of the MTASTS_STRICTNESS_ numbers.
 *
 * A faulty policy is not an error of the call: it results in findings.
 *
 * Errors: MTASTS_ERR_ARGUMENT for an unknown strictness.
 *
 * Ownership: the caller owns `*findings`; free it with mtasts_findings_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_lint_policy(const uint8_t *body,
                                 size_t len,
                                 mtasts_strictness strictness,
                                 mtasts_findings **findings,
                                 mtasts_error **error);

/**
 * Returns the findings about a policy, as mtasts_lint_policy() does for `body`, `len` and `strictness`, whose domain
 * has these MX hosts: `count` names at `mx_hosts`. They include the hosts that no pattern covers.
 *
 * Errors: the same as mtasts_lint_policy(), and 101 to 109 for a host.
 *
 * Ownership: the caller owns `*findings`; free it with mtasts_findings_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_lint_policy_for_hosts(const uint8_t *body,
                                           size_t len,
                                           mtasts_strictness strictness,
                                           const char *const *mx_hosts,
                                           size_t count,
                                           mtasts_findings **findings,
                                           mtasts_error **error);

/**
 * Returns the findings about a record: one TXT RR of `len` octets at `txt`, its character-strings concatenated.
 *
 * Errors: only MTASTS_ERR_NULL and MTASTS_ERR_ARGUMENT.
 *
 * Ownership: the caller owns `*findings`; free it with mtasts_findings_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_lint_record(const uint8_t *txt,
                                 size_t len,
                                 mtasts_findings **findings,
                                 mtasts_error **error);

/**
 * Returns the findings about an RRset: `count` TXT RRs at `rrs`. The line of a finding is the number of the RR.
 *
 * Errors: only MTASTS_ERR_NULL and MTASTS_ERR_ARGUMENT.
 *
 * Ownership: the caller owns `*findings`; free it with mtasts_findings_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_lint_rrset(const mtasts_bytes *rrs,
                                size_t count,
                                mtasts_findings **findings,
                                mtasts_error **error);

/**
 * Returns the findings about a TLSRPT record: one TXT RR of `len` octets at `txt`, its character-strings concatenated.
 *
 * Errors: only MTASTS_ERR_NULL and MTASTS_ERR_ARGUMENT.
 *
 * Ownership: the caller owns `*findings`; free it with mtasts_findings_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_lint_tlsrpt_record(const uint8_t *txt,
                                        size_t len,
                                        mtasts_findings **findings,
                                        mtasts_error **error);

/**
 * Returns the findings about the RRset at "_smtp._tls": `count` TXT RRs at `rrs`. The line of a finding is the number
 * of the RR.
 *
 * Pass what else you know: the `domain`, or NULL; the `ttl` of the records at the authoritative name server in
 * seconds, or a negative number; `has_mta_sts` is 1 if the domain has an MTA-STS record.
 *
 * Errors: 101 to 109 for the domain, MTASTS_ERR_NULL and MTASTS_ERR_ARGUMENT.
 *
 * Ownership: the caller owns `*findings`; free it with mtasts_findings_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_lint_tlsrpt_rrset(const mtasts_bytes *rrs,
                                       size_t count,
                                       const char *domain,
                                       int64_t ttl,
                                       int32_t has_mta_sts,
                                       mtasts_findings **findings,
                                       mtasts_error **error);

/**
 * Returns the findings about a TLS report: `len` octets of uncompressed JSON at `json`. With MTASTS_REPORT_STRICT as the
 * `grammar` each deviation has the severity MTASTS_SEVERITY_ERROR.
 *
 * A faulty report is not an error of the call: it results in findings.
 *
 * Errors: MTASTS_ERR_ARGUMENT for an unknown grammar, and MTASTS_ERR_NULL.
 *
 * Ownership: the caller owns `*findings`; free it with mtasts_findings_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_lint_report(const uint8_t *json,
                                 size_t len,
                                 mtasts_report_grammar grammar,
                                 mtasts_findings **findings,
                                 mtasts_error **error);

/**
 * Returns the findings about the response of a Policy Host, including its policy: `status`, `content_type`, `body`,
 * `len` and `config` are as in mtasts_policy_from_response().
 *
 * Errors: only MTASTS_ERR_NULL and MTASTS_ERR_ARGUMENT.
 *
 * Ownership: the caller owns `*findings`; free it with mtasts_findings_free().
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_lint_response(uint16_t status,
                                   const char *content_type,
                                   const uint8_t *body,
                                   size_t len,
                                   const mtasts_config *config,
                                   mtasts_findings **findings,
                                   mtasts_error **error);

/**
 * Returns the findings about the response of a Policy Host, as mtasts_lint_response() does for `status`,
 * `content_type`, `body`, `len` and `config`, whose domain has these MX hosts: `count` names at `mx_hosts`.
 *
 * Errors: the same as mtasts_lint_response(), and 101 to 109 for a host.
 *
 * Ownership: the caller owns `*findings`; free it with mtasts_findings_free().
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_lint_response_for_hosts(uint16_t status,
                                             const char *content_type,
                                             const uint8_t *body,
                                             size_t len,
                                             const mtasts_config *config,
                                             const char *const *mx_hosts,
                                             size_t count,
                                             mtasts_findings **findings,
                                             mtasts_error **error);

/**
 * The number of findings. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_findings_count(const mtasts_findings *findings);

/**
 * A finding, by its index from 0. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `findings` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_finding *mtasts_findings_get(const mtasts_findings *findings, size_t index);

/**
 * Frees findings. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_findings_free(mtasts_findings *findings);

/**
 * The kind of a finding: an error of a parser, by its MTASTS_ERR_ number, a deviation of a report, by its
 * MTASTS_DEVIATION_ number, or one of the MTASTS_LINT_ numbers. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_finding_status(const mtasts_finding *finding);

/**
 * The stable code of a finding, as returned by mtasts_status_code(). NULL for NULL.
 *
 * Ownership: the result is owned by `finding` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_finding_code(const mtasts_finding *finding);

/**
 * The severity of a finding: one of the MTASTS_SEVERITY_ numbers, in ascending order. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_severity mtasts_finding_severity(const mtasts_finding *finding);

/**
 * The line of the text, counted from 1; for an RRset, the number of the RR. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint32_t mtasts_finding_line(const mtasts_finding *finding);

/**
 * The first octet that a finding is about, counted from 0. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_finding_start(const mtasts_finding *finding);

/**
 * The octet after the last one that a finding is about; equal to the first if the finding is about a position. 0 for
 * NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_finding_end(const mtasts_finding *finding);

/**
 * What is wrong, in one sentence that is safe to print. NULL for NULL.
 *
 * Ownership: the result is owned by `finding` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_finding_message(const mtasts_finding *finding);

/**
 * What senders do about it, in one sentence; of a report, what receivers do. NULL for NULL.
 *
 * Ownership: the result is owned by `finding` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_finding_senders(const mtasts_finding *finding);

/**
 * How to fix it, in one sentence. NULL for NULL.
 *
 * Ownership: the result is owned by `finding` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_finding_help(const mtasts_finding *finding);

/**
 * Makes the policy of `domain` with this `mode`, one of the MTASTS_MODE_ numbers, that names exactly these MX hosts:
 * `count` names at `hosts`. `max_age` is in seconds, from 86400 to 31557600. In mode none it names no host.
 *
 * Pass every host in the MX records or, without MX records, the domain's own name. Their order makes no difference: the
 * same policy has the same text and the same id.
 *
 * Errors: 101 to 109 for the domain and the hosts; 1501 to 1509, with mtasts_error_name() if a host is at fault;
 * MTASTS_ERR_ARGUMENT for an unknown mode.
 *
 * Ownership: the caller owns `*draft`; free it with mtasts_draft_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_draft_new(const char *domain,
                               mtasts_mode mode,
                               const char *const *hosts,
                               size_t count,
                               uint64_t max_age,
                               mtasts_draft **draft,
                               mtasts_error **error);

/**
 * Makes the same policy as `draft`, with the `wildcard`, such as "*.mail.example.net", in place of the hosts that it
 * covers. In mode none it is the same.
 *
 * Any host below that domain could then receive the mail, so exact names are better (RFC 8461, 10.4).
 *
 * Errors: 101 to 109 for the wildcard; 1501 to 1509, with mtasts_error_name(): it is no wildcard, covers no host of the
 * policy, or is below a domain under which anybody may register names.
 *
 * Ownership: the caller owns `*widened`; free it with mtasts_draft_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_draft_with_wildcard(const mtasts_draft *draft,
                                         const char *wildcard,
                                         mtasts_draft **widened,
                                         mtasts_error **error);

/**
 * The domain. NULL for NULL.
 *
 * Ownership: the result is owned by `draft` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_draft_domain(const mtasts_draft *draft);

/**
 * The policy. mtasts_policy_text() is the body to serve at mtasts_domain_policy_url(), as "text/plain": each of its lines
 * is ended by CRLF. NULL for NULL.
 *
 * Ownership: the result is owned by `draft` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_policy *mtasts_draft_policy(const mtasts_draft *draft);

/**
 * The id of the policy: the first 20 hexadecimal digits of the SHA-256 of its body. NULL for NULL.
 *
 * Ownership: the result is owned by `draft` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_draft_id(const mtasts_draft *draft);

/**
 * The TXT record to publish at mtasts_domain_txt_name(), as one character-string. NULL for NULL.
 *
 * Ownership: the result is owned by `draft` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_draft_record(const mtasts_draft *draft);

/**
 * Writes the TXT record as a line of a zone file, without its line end, with a `ttl` in seconds.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Ownership: the caller owns `*line`; free it with mtasts_text_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_draft_zone_line(const mtasts_draft *draft, uint32_t ttl, mtasts_text **line);

/**
 * Frees a draft. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_draft_free(mtasts_draft *draft);

/**
 * Returns the id that a draft with this body would have: `len` octets at `body`.
 *
 * A body that is served under another id may have been changed without its record; it may also be from another program.
 * Errors: MTASTS_ERR_NULL.
 *
 * Ownership: the caller owns `*id`; free it with mtasts_text_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_draft_id_of(const uint8_t *body,
                                 size_t len,
                                 mtasts_text **id);

/**
 * Creates the history of a `domain` that has published nothing yet.
 *
 * Errors: 101 to 109 for the domain.
 *
 * Ownership: the caller owns `*history`; free it with mtasts_history_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_history_new(const char *domain, mtasts_history **history, mtasts_error **error);

/**
 * Parses the text of a history: `len` octets at `text`, as written by mtasts_history_text().
 *
 * Errors: 1521 to 1525, with line and octet. Do not plan without the history: what senders may hold is then not known.
 *
 * Ownership: the caller owns `*history`; free it with mtasts_history_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_history_parse(const uint8_t *text,
                                   size_t len,
                                   mtasts_history **history,
                                   mtasts_error **error);

/**
 * Writes the history as text: save it in a file, and parse it with mtasts_history_parse(). The same history has the same
 * text.
 *
 * Errors: MTASTS_ERR_NULL, MTASTS_ERR_POISONED.
 *
 * Ownership: the caller owns `*text`; free it with mtasts_text_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_history_text(const mtasts_history *history,
                                  mtasts_text **text);

/**
 * Sets the `time`, in Unix seconds, until which senders may hold a policy that is not in this history, for a domain that had
 * policies before its history was kept: now and the longest max_age that it ever served.
 *
 * What was taken from the history before is no longer valid. Errors: MTASTS_ERR_NULL, MTASTS_ERR_POISONED.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_history_set_unknown_until(mtasts_history *history,
                                               uint64_t time);

/**
 * Notes the `policy` that the Policy Host serves at the time `now`, in Unix seconds: NULL if there is none that senders
 * could fetch. It may be freed afterwards.
 *
 * What was taken from the history before is no longer valid. Errors: MTASTS_ERR_NULL for the history, MTASTS_ERR_POISONED.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_history_note_policy(mtasts_history *history,
                                         const mtasts_policy *policy,
                                         uint64_t now);

/**
 * Notes the `id` of the record at the time `now`, in Unix seconds: NULL if there is no record that senders would use.
 *
 * What was taken from the history before is no longer valid. Errors: MTASTS_ERR_BAD_ID; MTASTS_ERR_NULL for the history, MTASTS_ERR_POISONED.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_history_note_record(mtasts_history *history,
                                         const char *id,
                                         uint64_t now,
                                         mtasts_error **error);

/**
 * Notes the hosts in the MX records at the time `now`, in Unix seconds: `count` names at `hosts`; without MX records, the
 * domain's own name.
 *
 * What was taken from the history before is no longer valid. Errors: 101 to 109 for a host; MTASTS_ERR_POISONED.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_history_note_hosts(mtasts_history *history,
                                        const char *const *hosts,
                                        size_t count,
                                        uint64_t now,
                                        mtasts_error **error);

/**
 * The domain. NULL for NULL.
 *
 * Ownership: the result is owned by `history` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_history_domain(const mtasts_history *history);

/**
 * The time until which senders may hold a policy that is not in the history, in Unix seconds. 0 if there is none, for NULL,
 * and when poisoned.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_history_unknown_until(const mtasts_history *history);

/**
 * The policy that some sender may hold the longest, if nobody fetched one after the time `now`, in Unix seconds. NULL if
 * none may hold one, for NULL, and when poisoned.
 *
 * Ownership: the result is owned by `history` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_served_policy *mtasts_history_longest_cached(const mtasts_history *history,
                                                          uint64_t now);

/**
 * The number of policies. 0 for NULL, and when poisoned.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_history_policy_count(const mtasts_history *history);

/**
 * A policy, by its index from 0 in the order in which they were last begun to be served. NULL for NULL, when poisoned, and
 * if the index is out of range.
 *
 * Ownership: the result is owned by `history` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_served_policy *mtasts_history_policy_get(const mtasts_history *history,
                                                      size_t index);

/**
 * The number of ids of the record. 0 for NULL, and when poisoned.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_history_record_count(const mtasts_history *history);

/**
 * An id of the record, by its index from 0 in the order in which they were last published. NULL for NULL, when poisoned, and
 * if the index is out of range.
 *
 * Ownership: the result is owned by `history` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_seen_record *mtasts_history_record_get(const mtasts_history *history,
                                                    size_t index);

/**
 * The number of MX hosts. 0 for NULL, and when poisoned.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_history_host_count(const mtasts_history *history);

/**
 * An MX host, by its index from 0. NULL for NULL, when poisoned, and if the index is out of range.
 *
 * Ownership: the result is owned by `history` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_seen_host *mtasts_history_host_get(const mtasts_history *history, size_t index);

/**
 * Frees a history. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_history_free(mtasts_history *history);

/**
 * The id by its body, as mtasts_draft_id_of() returns it; its record may have had another one. NULL for NULL.
 *
 * Ownership: the result is owned by `policy` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_served_policy_id(const mtasts_served_policy *policy);

/**
 * The mode: one of the MTASTS_MODE_ numbers. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_mode mtasts_served_policy_mode(const mtasts_served_policy *policy);

/**
 * The time for which senders keep it after a fetch, in seconds. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_served_policy_max_age(const mtasts_served_policy *policy);

/**
 * The number of mx patterns. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_served_policy_mx_count(const mtasts_served_policy *policy);

/**
 * An mx pattern, by its index from 0. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `policy` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_served_policy_mx_get(const mtasts_served_policy *policy, size_t index);

/**
 * The time since which it has been served, in Unix seconds; if it no longer is, until mtasts_served_policy_until(). 0 for
 * NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_served_policy_since(const mtasts_served_policy *policy);

/**
 * The time at which it was no longer served, in Unix seconds; UINT64_MAX while it is. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_served_policy_until(const mtasts_served_policy *policy);

/**
 * The id. NULL for NULL.
 *
 * Ownership: the result is owned by `record` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_seen_record_id(const mtasts_seen_record *record);

/**
 * The time until which the record had this id before, in Unix seconds; UINT64_MAX if it has it for the first time. 0 for
 * NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_seen_record_before(const mtasts_seen_record *record);

/**
 * The time since which the record has had this id, in Unix seconds; if it no longer has, until mtasts_seen_record_until().
 * 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_seen_record_since(const mtasts_seen_record *record);

/**
 * The time at which the record no longer had this id, in Unix seconds; UINT64_MAX while it has. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_seen_record_until(const mtasts_seen_record *record);

/**
 * The name. NULL for NULL.
 *
 * Ownership: the result is owned by `host` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_seen_host_name(const mtasts_seen_host *host);

/**
 * The time since which it has been in DNS, in Unix seconds; if it no longer is, until mtasts_seen_host_until(). 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_seen_host_since(const mtasts_seen_host *host);

/**
 * The time at which it was no longer in DNS, in Unix seconds; UINT64_MAX while it is. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_seen_host_until(const mtasts_seen_host *host);

/**
 * Creates a target: a policy of this `mode`, one of the MTASTS_MODE_ numbers, for the MX hosts that are in DNS. The max_age
 * is 30 days in mode enforce and a day otherwise, unless it is set.
 *
 * Errors: MTASTS_ERR_ARGUMENT for an unknown mode.
 *
 * Ownership: the caller owns `*target`; free it with mtasts_publish_target_free().
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_publish_target_new(mtasts_mode mode,
                                        mtasts_publish_target **target);

/**
 * Creates the target without a policy and a record: the domain no longer uses MTA-STS (RFC 8461, 8.3).
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Ownership: the caller owns `*target`; free it with mtasts_publish_target_free().
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_publish_target_removed(mtasts_publish_target **target);

/**
 * Sets the `max_age`, in seconds.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_publish_target_set_max_age(mtasts_publish_target *target, uint64_t max_age);

/**
 * Sets the MX hosts that DNS is to have: `count` names at `hosts`. Default: those that it has.
 *
 * Errors: 101 to 109 for a host.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_publish_target_set_hosts(mtasts_publish_target *target,
                                              const char *const *hosts,
                                              size_t count,
                                              mtasts_error **error);

/**
 * Adds a `wildcard`, which stands for the hosts that it covers. Default: none; exact names are better (RFC 8461, 10.4).
 *
 * Errors: 101 to 109 for the wildcard.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_publish_target_add_wildcard(mtasts_publish_target *target,
                                                 const char *wildcard,
                                                 mtasts_error **error);

/**
 * Sets the `name` that the Policy Host is to be an alias of, for a change of the provider that serves the policy (RFC 8461,
 * 8.2). Default: as it is.
 *
 * Errors: 101 to 109 for the name.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_publish_target_set_policy_host(mtasts_publish_target *target,
                                                    const char *name,
                                                    mtasts_error **error);

/**
 * Sets the `time` for which a policy is in mode testing before it is enforced, in seconds. Default: 14 days.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_publish_target_set_testing_period(mtasts_publish_target *target, uint64_t time);

/**
 * Sets which max_age a policy in mode enforce has at first: `count` values at `max_ages`, and as many at `times`, each the time
 * after which the one beside it grows; all in seconds. Without any it has the max_age of the target at once. Default: a day
 * for 7 days, a week for 14 days. What is not below the max_age of the target is left out.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_publish_target_set_growth(mtasts_publish_target *target,
                                               const uint64_t *max_ages,
                                               const uint64_t *times,
                                               size_t count);

/**
 * Frees a target. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_publish_target_free(mtasts_publish_target *target);

/**
 * Creates the facts about a domain with these MX hosts in DNS: `count` names at `hosts`; without MX records, the domain's own
 * name.
 *
 * Errors: 101 to 109 for a host.
 *
 * Ownership: the caller owns `*facts`; free it with mtasts_publish_facts_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_publish_facts_new(const char *const *hosts,
                                       size_t count,
                                       mtasts_publish_facts **facts,
                                       mtasts_error **error);

/**
 * Sets the `name` that the Policy Host is an alias of (RFC 8461, 8.2). Default: none.
 *
 * Errors: 101 to 109 for the name.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_publish_facts_set_policy_host(mtasts_publish_facts *facts,
                                                   const char *name,
                                                   mtasts_error **error);

/**
 * Sets a time, `which` is one of the MTASTS_PUBLISH_TIME_ numbers, to that many `seconds`.
 *
 * Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown number.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_publish_facts_set_time(mtasts_publish_facts *facts,
                                            mtasts_publish_time which,
                                            uint64_t seconds);

/**
 * Frees facts. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_publish_facts_free(mtasts_publish_facts *facts);

/**
 * Plans the steps from what `history` says is published, and `facts` of the time `now`, in Unix seconds, to the `target`. All
 * of them remain the caller's.
 *
 * A change of the MX hosts: the policy names old and new hosts, then the MX records change, then the policy names the new
 * ones alone. To mode enforce: the policy is tested first, then its max_age grows. A removal: mode none until every older
 * policy has expired, then record and policy are deleted.
 *
 * Errors: 1501 to 1509, with mtasts_error_name() if a host or a wildcard is at fault: the target, or what has to be served on
 * the way to it, must not be published. MTASTS_ERR_NULL, MTASTS_ERR_POISONED.
 *
 * Ownership: the caller owns `*plan`; free it with mtasts_publish_plan_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_publish_plan_between(const mtasts_history *history,
                                          const mtasts_publish_target *target,
                                          const mtasts_publish_facts *facts,
                                          uint64_t now,
                                          mtasts_publish_plan **plan,
                                          mtasts_error **error);

/**
 * The number of steps: 0 if nothing is to be done. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_publish_plan_step_count(const mtasts_publish_plan *plan);

/**
 * A step, by its index from 0. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `plan` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_publish_step *mtasts_publish_plan_step_get(const mtasts_publish_plan *plan, size_t index);

/**
 * The time from which senders that compare ids hold what was published last, if each step is done at its earliest time, in
 * Unix seconds. Until then some may go on by an older policy. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_publish_plan_settled(const mtasts_publish_plan *plan);

/**
 * The time from which all senders hold what was published last, if each step is done at its safe time, in Unix seconds. 0 for
 * NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_publish_plan_settled_safe(const mtasts_publish_plan *plan);

/**
 * Frees a plan. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_publish_plan_free(mtasts_publish_plan *plan);

/**
 * What to do: one of the MTASTS_PUBLISH_ACTION_ numbers. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_publish_action mtasts_publish_step_action(const mtasts_publish_step *step);

/**
 * The stable code of what to do, such as "put-policy". NULL for NULL.
 *
 * Ownership: the result is owned by `step` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_publish_step_code(const mtasts_publish_step *step);

/**
 * The reason for the place of the step in the plan, in one sentence. NULL for NULL.
 *
 * Ownership: the result is owned by `step` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_publish_step_reason(const mtasts_publish_step *step);

/**
 * The section of the RFC that the reason comes from, such as "RFC 8461, 8.1". NULL for NULL.
 *
 * Ownership: the result is owned by `step` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_publish_step_section(const mtasts_publish_step *step);

/**
 * The policy to be served. NULL for any other step, and for NULL.
 *
 * Ownership: the result is owned by `step` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_draft *mtasts_publish_step_draft(const mtasts_publish_step *step);

/**
 * The id that the record is to have. NULL for any other step, and for NULL.
 *
 * Ownership: the result is owned by `step` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_publish_step_id(const mtasts_publish_step *step);

/**
 * The number of hosts to be added to the MX records. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_publish_step_added_count(const mtasts_publish_step *step);

/**
 * A host to be added to the MX records, by its index from 0. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `step` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_publish_step_added_get(const mtasts_publish_step *step, size_t index);

/**
 * The number of hosts to be taken out of the MX records. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_publish_step_removed_count(const mtasts_publish_step *step);

/**
 * A host to be taken out of the MX records, by its index from 0. NULL for NULL, and if the index is out of range.
 *
 * Ownership: the result is owned by `step` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_publish_step_removed_get(const mtasts_publish_step *step,
                                            size_t index);

/**
 * The time from which senders that compare ids refuse no mail for the step, if each step before it is done at its earliest
 * time, in Unix seconds. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_publish_step_earliest(const mtasts_publish_step *step);

/**
 * What has to be waited for until the earliest time: one of the MTASTS_PUBLISH_WAIT_ numbers. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_publish_wait mtasts_publish_step_wait(const mtasts_publish_step *step);

/**
 * The time from which no sender refuses mail for the step, if each step before it is done at its safe time, in Unix seconds. 0
 * for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_publish_step_safe(const mtasts_publish_step *step);

/**
 * What has to be waited for until the safe time: one of the MTASTS_PUBLISH_WAIT_ numbers. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_publish_wait mtasts_publish_step_safe_wait(const mtasts_publish_step *step);

/**
 * The stable code of what has to be waited for, `wait`, such as "record-ttl". NULL for an unknown number. It is valid for the
 * lifetime of the process.
 *
 * Ownership: the library owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_publish_wait_word(mtasts_publish_wait wait);

/**
 * The reason to wait for it, `wait`, in one sentence. NULL for an unknown number. It is valid for the lifetime of the process.
 *
 * Ownership: the library owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_publish_wait_message(mtasts_publish_wait wait);

/**
 * The section of the RFC that the reason to wait for it, `wait`, comes from, such as "RFC 8461, 8.1"; empty for
 * MTASTS_PUBLISH_WAIT_NOTHING. NULL for an unknown number. It is valid for the lifetime of the process.
 *
 * Ownership: the library owns the result.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_publish_wait_section(mtasts_publish_wait wait);

/**
 * Returns the answer for mail to `domain`, with the patterns of its `policy`, in the `form` given by one of the
 * MTASTS_POSTFIX_ numbers.
 *
 * There is no answer in mode none, and in mode testing only with MTASTS_POSTFIX_EXTENDED_WITH_TESTING.
 *
 * Errors: 1201 to 1204: give a temporary answer, so that mail waits. 101 to 109 for the domain, MTASTS_ERR_ARGUMENT for
 * an unknown form.
 *
 * Ownership: the caller owns `*answer`; free it with mtasts_postfix_answer_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_postfix_tls_policy(const mtasts_policy *policy,
                                        const char *domain,
                                        mtasts_postfix_form form,
                                        mtasts_postfix_answer **answer,
                                        mtasts_error **error);

/**
 * Returns the answer for mail to `domain`, with those of its MX hosts, `count` names at `mx_hosts`, that its `policy`
 * covers, in the `form` given by one of the MTASTS_POSTFIX_ numbers.
 *
 * Errors: the same as mtasts_postfix_tls_policy(), and "no-permitted-host" if the policy covers none of them; 101 to
 * 109 also for a host.
 *
 * Ownership: the caller owns `*answer`; free it with mtasts_postfix_answer_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_postfix_tls_policy_for_hosts(const mtasts_policy *policy,
                                                  const char *domain,
                                                  const char *const *mx_hosts,
                                                  size_t count,
                                                  mtasts_postfix_form form,
                                                  mtasts_postfix_answer **answer,
                                                  mtasts_error **error);

/**
 * The answer: the text after "OK " in the socketmap protocol. NULL if there is none ("NOTFOUND"), and for NULL.
 *
 * Ownership: the result is owned by `answer` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_postfix_answer_text(const mtasts_postfix_answer *answer);

/**
 * Frees an answer. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_postfix_answer_free(mtasts_postfix_answer *answer);

/**
 * The text, in UTF-8 and NUL-terminated. NULL for NULL.
 *
 * Ownership: the result is owned by `text` and valid as long as it.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_text_string(const mtasts_text *text);

/**
 * The length of the text in octets, without its NUL. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_text_len(const mtasts_text *text);

/**
 * Frees a text. NULL is fine.
 *
 * Ownership: the object passes to the library.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_text_free(mtasts_text *text);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MTASTS_H */
