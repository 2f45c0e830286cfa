/*
 * libmtasts: MTA-STS (RFC 8461) for mail servers. It decides; you do DNS, HTTPS, SMTP and TLS.
 *
 * This file is generated from the library. The conventions, for every function:
 *
 * Objects. Every struct is opaque, mtasts_bytes excepted. A function that gives an object makes it the caller's,
 * through a parameter "mtasts_thing **thing"; mtasts_thing_free() ends it, and NULL is fine there. A "const" object
 * that comes back as a result belongs to the object that it was taken from, and so does a "const char *": it is
 * NUL-terminated, and lives until that object is freed. What is passed in stays the caller's, and is not kept.
 *
 * Results. A function that can fail returns a mtasts_status: MTASTS_OK is 0. Its results are written on success alone.
 * What the variable held before is overwritten, not freed: free an object before its variable is used again.
 * Its last parameter "mtasts_error **error", where it has one, may be NULL; on failure alone it becomes an object that
 * tells more, and that mtasts_error_free() ends. Initialise what you pass the address of with NULL, and you may free it
 * either way. Getters cannot fail: each says what it gives for NULL. Predicates give 1 or 0.
 *
 * Inputs. Octets from the network are a pointer and a length; the pointer may be NULL when the length is 0. Names are
 * NUL-terminated, in UTF-8. NULL anywhere else is MTASTS_ERR_NULL, never a crash. Times are seconds since
 * 1970-01-01T00:00:00Z: the library reads no clock.
 *
 * Numbers. Codes are fixed-width integers and never enum types; each group has a name, as mtasts_mode for the
 * MTASTS_MODE_ numbers. Their numbers, and the words of mtasts_status_code(), are only ever appended to: expect such as
 * you do not know, and where one would decide about mail, keep the mail.
 *
 * Threads. An object passed as "const" may be used by many threads at once; any other by one at a time. mtasts_cache
 * locks inside. The library has no global state, starts no thread, calls nobody back and handles no signal.
 *
 * fork(). In a process with one thread, the child may go on with every object, each process with its own copy. In a
 * process with several, the child may use only objects that no other thread could have been using at the fork; a
 * mtasts_cache that threads share is not one of them: make a new one.
 *
 * Bugs. A panic within the library becomes MTASTS_ERR_PANIC (and a line on standard error); the object that was being
 * changed is poisoned and can only be freed: MTASTS_ERR_POISONED. When memory runs out, the process is aborted.
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

/* What is wrong with an input: 101 names, 201 records, 301 policies, 401 answers, 701 entries, 801 calls of a lookup, 1201 Postfix, 1301 TLSRPT records, 1321 TLS reports, 1341 datagrams of libtlsrpt, 1351 tallies, 1361 senders of reports, 1366 their mail. */

/** The name is empty. */
#define MTASTS_ERR_EMPTY_NAME 101

/** The name is longer than DNS can carry. */
#define MTASTS_ERR_NAME_TOO_LONG 102

/** The name has an empty label. */
#define MTASTS_ERR_EMPTY_LABEL 103

/** A label of the name is longer than 63 octets. */
#define MTASTS_ERR_LABEL_TOO_LONG 104

/** The name has a character that no host name has. */
#define MTASTS_ERR_BAD_CHARACTER 105

/** A label of the name begins or ends with a hyphen. */
#define MTASTS_ERR_HYPHEN_AT_EDGE 106

/** This is an address, not a name. */
#define MTASTS_ERR_ADDRESS_LITERAL 107

/** The name has a U-label, and this build has no IDNA. */
#define MTASTS_ERR_U_LABEL_UNSUPPORTED 108

/** The name has a U-label that IDNA cannot turn into an A-label. */
#define MTASTS_ERR_BAD_U_LABEL 109

/** The pattern has a U-label where only A-labels may stand. */
#define MTASTS_ERR_U_LABEL 110

/** The pattern has a wildcard that is not its whole first label. */
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

/** There is nothing between two semicolons. */
#define MTASTS_ERR_EMPTY_FIELD 206

/** A field has no equals sign. */
#define MTASTS_ERR_FIELD_WITHOUT_VALUE 207

/** White space stands beside an equals sign. */
#define MTASTS_ERR_SPACE_AROUND_EQUALS 208

/** A field name is not 1 to 32 letters, digits, `_`, `-` and `.`, the first a letter or a digit. */
#define MTASTS_ERR_BAD_FIELD_NAME 209

/** A field value is empty or has a character that may not stand in it. */
#define MTASTS_ERR_BAD_FIELD_VALUE 210

/** White space follows the last field without a semicolon. */
#define MTASTS_ERR_TRAILING_SPACE 211

/** The policy is longer than this crate reads. */
#define MTASTS_ERR_POLICY_TOO_LARGE 301

/** The policy is not UTF-8. */
#define MTASTS_ERR_NOT_UTF8 302

/** A control character stands in a line. */
#define MTASTS_ERR_CONTROL_CHARACTER 303

/** A line has no colon. */
#define MTASTS_ERR_LINE_WITHOUT_COLON 304

/** White space stands before a field name. */
#define MTASTS_ERR_SPACE_BEFORE_NAME 305

/** White space stands before a colon. */
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

/** An mx is no host name and no `*.` with one. */
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

/** The answer is a redirect. */
#define MTASTS_ERR_HTTP_REDIRECT 402

/** The media type is not text/plain. */
#define MTASTS_ERR_MEDIA_TYPE 403

/** The answer has no media type. */
#define MTASTS_ERR_MISSING_MEDIA_TYPE 404

/** The body is longer than the limit. */
#define MTASTS_ERR_BODY_TOO_LARGE 405

/** The body is no policy. */
#define MTASTS_ERR_INVALID_POLICY 406

/** The text does not begin as a cache entry. */
#define MTASTS_ERR_NOT_AN_ENTRY 701

/** The entry is of a version that this crate does not read. */
#define MTASTS_ERR_UNKNOWN_ENTRY_VERSION 702

/** A header line of the entry is not understood. */
#define MTASTS_ERR_BAD_ENTRY_HEADER 703

/** The entry is cut off. */
#define MTASTS_ERR_TRUNCATED_ENTRY 704

/** Something follows the policy of the entry. */
#define MTASTS_ERR_TRAILING_ENTRY_BYTES 705

/** The policy in the entry is no policy. */
#define MTASTS_ERR_INVALID_ENTRY_POLICY 706

/** A header line of the entry is missing. */
#define MTASTS_ERR_INCOMPLETE_ENTRY 707

/** The entry is of another domain. */
#define MTASTS_ERR_ENTRY_OF_OTHER_DOMAIN 708

/** A header line of the entry stands twice. */
#define MTASTS_ERR_DUPLICATE_ENTRY_HEADER 709

/** This answer is not to the question that was asked. */
#define MTASTS_ERR_UNEXPECTED_INPUT 801

/** The lookup is done and asks nothing more. */
#define MTASTS_ERR_ALREADY_DONE 802

/** Every name to match is a word that means another name to Postfix. */
#define MTASTS_ERR_NO_USABLE_MX 1201

/** The policy covers none of the MX hosts. */
#define MTASTS_ERR_NO_PERMITTED_HOST 1202

/** The answer is longer than Postfix reads. */
#define MTASTS_ERR_ANSWER_TOO_LONG 1203

/** The domain has only digits, and Postfix takes no such name. */
#define MTASTS_ERR_NUMERIC_DOMAIN 1204

/** No TXT record is a TLSRPT record. */
#define MTASTS_ERR_NO_TLSRPT_RECORD 1301

/** More than one TXT record is a TLSRPT record. */
#define MTASTS_ERR_SEVERAL_TLSRPT_RECORDS 1302

/** The record does not begin with `v=TLSRPTv1` and a semicolon. */
#define MTASTS_ERR_BAD_TLSRPT_VERSION 1303

/** The record has no `rua`. */
#define MTASTS_ERR_MISSING_RUA 1304

/** No URI of the `rua` is one that a report can be sent to. */
#define MTASTS_ERR_NO_USABLE_RUA 1305

/** There is nothing between two semicolons. */
#define MTASTS_ERR_EMPTY_TLSRPT_FIELD 1306

/** A field has no equals sign. */
#define MTASTS_ERR_TLSRPT_FIELD_WITHOUT_VALUE 1307

/** White space stands beside an equals sign. */
#define MTASTS_ERR_SPACE_AROUND_TLSRPT_EQUALS 1308

/** A field name is not 1 to 32 letters, digits, `_`, `-` and `.`, the first a letter or a digit. */
#define MTASTS_ERR_BAD_TLSRPT_FIELD_NAME 1309

/** A field value is empty or has a character that may not stand in it. */
#define MTASTS_ERR_BAD_TLSRPT_FIELD_VALUE 1310

/** White space follows the last field without a semicolon. */
#define MTASTS_ERR_TRAILING_TLSRPT_SPACE 1311

/** The report is longer than the limit. */
#define MTASTS_ERR_REPORT_TOO_LARGE 1321

/** The report is not JSON here. */
#define MTASTS_ERR_BAD_JSON 1322

/** The report ends within its JSON. */
#define MTASTS_ERR_JSON_ENDS_EARLY 1323

/** The report is JSON, and no object. */
#define MTASTS_ERR_REPORT_NOT_AN_OBJECT 1324

/** The report has no array of policies. */
#define MTASTS_ERR_MISSING_POLICIES 1325

/** The report has more than 32 objects and arrays within each other. */
#define MTASTS_ERR_REPORT_TOO_DEEP 1326

/** The report has more policies than the limit. */
#define MTASTS_ERR_TOO_MANY_POLICIES 1327

/** The report has more failure details than the limit. */
#define MTASTS_ERR_TOO_MANY_FAILURE_DETAILS 1328

/** The report lacks a member that RFC 8460 demands. */
#define MTASTS_ERR_MISSING_REPORT_MEMBER 1331

/** The report is not of one day of UTC in the years that RFC 3339 can write. */
#define MTASTS_ERR_REPORT_NOT_OF_ONE_DAY 1332

/** The contact is no mail address with a domain. */
#define MTASTS_ERR_BAD_REPORT_CONTACT 1333

/** A name is no host name in A-labels and without a last dot. */
#define MTASTS_ERR_BAD_REPORT_NAME 1334

/** A pattern is none that may stand as an mx in a policy. */
#define MTASTS_ERR_BAD_REPORT_PATTERN 1335

/** A type is none that RFC 8460 registers. */
#define MTASTS_ERR_UNKNOWN_REPORT_WORD 1336

/** An address is no IP address. */
#define MTASTS_ERR_BAD_REPORT_ADDRESS 1337

/** A text is empty, too long, or has characters that may not stand in it. */
#define MTASTS_ERR_BAD_REPORT_TEXT 1338

/** A policy that is not of MTA-STS has mx patterns. */
#define MTASTS_ERR_UNEXPECTED_REPORT_PATTERNS 1339

/** The failure details count fewer sessions than failed. */
#define MTASTS_ERR_REPORT_DETAILS_BELOW_TOTAL 1340

/** The datagram is longer than 64 KiB. */
#define MTASTS_ERR_DATAGRAM_TOO_LONG 1341

/** The datagram is not JSON. */
#define MTASTS_ERR_DATAGRAM_NOT_JSON 1342

/** A member of the datagram is missing, stands twice or has another type. */
#define MTASTS_ERR_BAD_DATAGRAM_MEMBER 1343

/** The datagram has another version than 1. */
#define MTASTS_ERR_UNKNOWN_DATAGRAM_VERSION 1344

/** The recipient domain of the datagram is none. */
#define MTASTS_ERR_BAD_DATAGRAM_DOMAIN 1345

/** The datagram has a policy type that reports do not know. */
#define MTASTS_ERR_UNKNOWN_DATAGRAM_POLICY_TYPE 1346

/** The datagram has no policy, so that it tells nothing. */
#define MTASTS_ERR_DATAGRAM_WITHOUT_POLICY 1347

/** The text does not begin as a tally does. */
#define MTASTS_ERR_NOT_A_TALLY 1351

/** The text is of a version that this crate does not know. */
#define MTASTS_ERR_UNKNOWN_TALLY_VERSION 1352

/** The text ends in the middle of a line. */
#define MTASTS_ERR_TRUNCATED_TALLY 1353

/** A line of the text is none that a tally has. */
#define MTASTS_ERR_BAD_TALLY_LINE 1354

/** The contact is no plain mail address, such as `tls-reports@example.com`. */
#define MTASTS_ERR_BAD_SENDER_CONTACT 1361

/** The name of the organisation is empty, longer than 255 octets, or has a control character. */
#define MTASTS_ERR_BAD_SENDER_ORGANIZATION 1362

/** The domain of the report's contact is not that of the sender. */
#define MTASTS_ERR_OTHER_REPORT_SUBMITTER 1366

/** The id of the report cannot stand in a subject. */
#define MTASTS_ERR_BAD_REPORT_ID 1367

/** The report does not say which time it is about. */
#define MTASTS_ERR_MISSING_REPORT_PERIOD 1368

/* Why no answer came from a Policy Host. */

/** The Policy Host has no address. */
#define MTASTS_FETCH_POLICY_HOST_NOT_FOUND 501

/** The address of the Policy Host could not be looked up. */
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

/** The answer of the Policy Host is not proper HTTP. */
#define MTASTS_FETCH_HTTP_PROTOCOL 510

/** The sender could not ask the Policy Host, for a fault of its own. */
#define MTASTS_FETCH_LOCAL_FAULT 511

/** The Policy Host has only private addresses, which this sender refuses. */
#define MTASTS_FETCH_POLICY_HOST_ADDRESS_REFUSED 512

/* Why DNS gave no answer. */

/** DNS did not answer in time. */
#define MTASTS_TXT_DNS_TIMEOUT 601

/** DNS answered SERVFAIL. */
#define MTASTS_TXT_DNS_SERVFAIL 602

/** The DNS answer failed DNSSEC validation. */
#define MTASTS_TXT_DNS_BOGUS 603

/** DNS gave no usable answer. */
#define MTASTS_TXT_DNS_UNUSABLE 604

/** The sender could not ask DNS, for a fault of its own. */
#define MTASTS_TXT_DNS_LOCAL_FAULT 605

/* Why a session does not meet what was asked of it. */

/** The MX host is not covered by the policy. */
#define MTASTS_FAULT_MX_MISMATCH 901

/** The MX host did not offer STARTTLS. */
#define MTASTS_FAULT_STARTTLS_NOT_OFFERED 902

/** The MX host offered STARTTLS and refused the command. */
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

/** Neither DNSSEC nor an MTA-STS policy vouches for the MX host. */
#define MTASTS_FAULT_MX_NOT_AUTHENTICATED 913

/** The MX host did not offer REQUIRETLS. */
#define MTASTS_FAULT_REQUIRETLS_NOT_OFFERED 914

/** It is not known whether the domain has a policy. */
#define MTASTS_FAULT_POLICY_UNKNOWN 915

/** The certificate of the MX host was not compared with its TLSA records. */
#define MTASTS_FAULT_DANE_NOT_CHECKED 916

/* Why no policy applies to a message. */

/** The domain has no MTA-STS record. */
#define MTASTS_NO_POLICY_NO_RECORD 1001

/** The MTA-STS record of the domain is not valid. */
#define MTASTS_NO_POLICY_INVALID_RECORD 1002

/** The domain has more than one MTA-STS record. */
#define MTASTS_NO_POLICY_SEVERAL_RECORDS 1003

/** DNS could not tell whether the domain has a policy. */
#define MTASTS_NO_POLICY_DNS_FAILED 1004

/** The domain has a policy, and it could not be fetched. */
#define MTASTS_NO_POLICY_FETCH_FAILED 1005

/** The last fetch of this policy failed a short while ago. */
#define MTASTS_NO_POLICY_BACKING_OFF 1006

/** The domain has a policy, and this sender could not fetch it, for a fault of its own. */
#define MTASTS_NO_POLICY_LOCAL_FAULT 1007

/* What a finding is about, beside the MTASTS_ERR_ numbers. */

/** There are more findings than are shown. */
#define MTASTS_LINT_MORE_FINDINGS 1101

/** The text is HTML or XML. */
#define MTASTS_LINT_HTML 1102

/** The text is RTF, the form of a word processor. */
#define MTASTS_LINT_RTF 1103

/** The text is JSON. */
#define MTASTS_LINT_JSON 1104

/** The text begins with the front matter of a site generator. */
#define MTASTS_LINT_FRONT_MATTER 1105

/** The text is UTF-16. */
#define MTASTS_LINT_UTF_16 1106

/** A TXT record stands where a policy should. */
#define MTASTS_LINT_RECORD_AS_POLICY 1107

/** A policy stands where a TXT record should. */
#define MTASTS_LINT_POLICY_AS_RECORD 1108

/** The policy is longer than 65,536 octets. */
#define MTASTS_LINT_LARGE_POLICY 1109

/** This is a comment, and there are none in a policy. */
#define MTASTS_LINT_COMMENT 1110

/** This is an item of a YAML list. */
#define MTASTS_LINT_YAML_LIST 1111

/** An equals sign stands where a colon should. */
#define MTASTS_LINT_EQUALS_FOR_COLON 1112

/** Several fields stand on one line. */
#define MTASTS_LINT_FIELDS_ON_ONE_LINE 1113

/** A backslash and a letter stand where a line should end. */
#define MTASTS_LINT_ESCAPED_LINE_END 1114

/** A line ends with CR where only LF and CRLF end lines. */
#define MTASTS_LINT_BAD_LINE_END 1115

/** A Unicode line or paragraph separator ends no line. */
#define MTASTS_LINT_UNICODE_LINE_END 1116

/** Some lines end with LF and some with CRLF. */
#define MTASTS_LINT_MIXED_LINE_ENDS 1117

/** White space stands at the end of a line. */
#define MTASTS_LINT_TRAILING_WHITE_SPACE 1118

/** Not exactly one space follows a colon. */
#define MTASTS_LINT_UNUSUAL_DELIMITER 1119

/** A character that cannot be seen stands here. */
#define MTASTS_LINT_INVISIBLE_CHARACTER 1120

/** A typographic quote, dash or colon stands here. */
#define MTASTS_LINT_TYPOGRAPHIC_CHARACTER 1121

/** A value has characters other than ASCII. */
#define MTASTS_LINT_NON_ASCII 1122

/** The version is not the first field. */
#define MTASTS_LINT_VERSION_NOT_FIRST 1123

/** A field that counts once stands again. */
#define MTASTS_LINT_DUPLICATE_FIELD 1124

/** A field is none that senders know. */
#define MTASTS_LINT_UNKNOWN_FIELD 1125

/** A field name has upper-case letters. */
#define MTASTS_LINT_FIELD_NAME_CASE 1126

/** A field name looks like a known one and is not. */
#define MTASTS_LINT_MISSPELT_FIELD 1127

/** A field belongs elsewhere: `id` in the record, the others in the policy. */
#define MTASTS_LINT_MISPLACED_FIELD 1128

/** This is from a draft of the RFC. */
#define MTASTS_LINT_OLD_DRAFT 1129

/** A word is right but for its upper and lower case. */
#define MTASTS_LINT_VALUE_CASE 1130

/** Quotes stand where none belong. */
#define MTASTS_LINT_QUOTED_VALUE 1131

/** Brackets stand around a value. */
#define MTASTS_LINT_BRACKETED_VALUE 1132

/** A comma or a semicolon ends a value. */
#define MTASTS_LINT_TRAILING_PUNCTUATION 1133

/** The text of an example was not replaced. */
#define MTASTS_LINT_PLACEHOLDER 1134

/** The mode is testing: mail is reported on, not protected. */
#define MTASTS_LINT_TESTING_MODE 1135

/** The `max_age` is short. */
#define MTASTS_LINT_SHORT_MAX_AGE 1136

/** The `max_age` is 0. */
#define MTASTS_LINT_ZERO_MAX_AGE 1137

/** The `max_age` is longer than half a year. */
#define MTASTS_LINT_LONG_MAX_AGE 1138

/** The `max_age` is above the maximum of 31557600. */
#define MTASTS_LINT_CLAMPED_MAX_AGE 1139

/** There is an mx although the mode is none. */
#define MTASTS_LINT_MX_WITH_MODE_NONE 1140

/** The same mx stands again. */
#define MTASTS_LINT_DUPLICATE_MX 1141

/** An mx has upper-case letters. */
#define MTASTS_LINT_UPPER_CASE_MX 1142

/** An mx has one label only. */
#define MTASTS_LINT_SINGLE_LABEL_MX 1143

/** An mx is a wildcard: it covers exactly one label more. */
#define MTASTS_LINT_WILDCARD_MX 1144

/** A wildcard covers every domain of a registry. */
#define MTASTS_LINT_WILDCARD_TOO_WIDE 1145

/** A wildcard misses hosts that stand on another level. */
#define MTASTS_LINT_WILDCARD_MISSES_LEVEL 1146

/** A star stands elsewhere than as the whole first label before others. */
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

/** White space stands before a semicolon. */
#define MTASTS_LINT_SPACE_BEFORE_SEMICOLON 1156

/** White space stands before the record. */
#define MTASTS_LINT_LEADING_WHITE_SPACE 1157

/** No semicolon follows the version. */
#define MTASTS_LINT_MISSING_SEMICOLON 1158

/** A backslash stands before a semicolon. */
#define MTASTS_LINT_ESCAPED_SEMICOLON 1159

/** A record of SPF, DKIM, DMARC or TLSRPT stands at this name. */
#define MTASTS_LINT_MISPLACED_RECORD 1160

/** A TXT record looks like an MTA-STS record and is none. */
#define MTASTS_LINT_NEAR_RECORD 1161

/** A TXT record here has nothing to do with MTA-STS. */
#define MTASTS_LINT_OTHER_RECORD 1162

/** The charset is neither utf-8 nor us-ascii. */
#define MTASTS_LINT_OTHER_CHARSET 1163

/** A colon stands where an equals sign should. */
#define MTASTS_LINT_COLON_FOR_EQUALS 1164

/** This is a line of a zone file, and not the text of a record. */
#define MTASTS_LINT_ZONE_LINE 1165

/** The mode is none: mail is not protected. */
#define MTASTS_LINT_NONE_MODE 1166

/** No mx covers this MX host. */
#define MTASTS_LINT_MX_NOT_COVERED 1167

/** An mx is a name of a mail provider and looks like none of its MX hosts. */
#define MTASTS_LINT_PROVIDER_MX 1168

/** An mx is one of several MX hosts of a mail provider, and others are not covered. */
#define MTASTS_LINT_PART_OF_MX_SET 1169

/** A URI of the `rua` has no scheme. */
#define MTASTS_LINT_RUA_WITHOUT_SCHEME 1401

/** The scheme of a URI is neither `mailto` nor `https`. */
#define MTASTS_LINT_RUA_SCHEME 1402

/** An exclamation mark stands in a URI. */
#define MTASTS_LINT_RUA_EXCLAMATION_MARK 1403

/** White space stands in a URI. */
#define MTASTS_LINT_RUA_WHITE_SPACE 1404

/** A URI has a character that no URI has. */
#define MTASTS_LINT_RUA_CHARACTER 1405

/** A `mailto` URI has no address that mail can be sent to. */
#define MTASTS_LINT_RUA_ADDRESS 1406

/** An `https` URI is none that a report can be sent to. */
#define MTASTS_LINT_RUA_URL 1407

/** There is nothing between two commas. */
#define MTASTS_LINT_EMPTY_RUA 1408

/** The same URI stands again. */
#define MTASTS_LINT_DUPLICATE_RUA 1409

/** The record has more than 8 URIs. */
#define MTASTS_LINT_MANY_RUAS 1410

/** Reports go to another domain. */
#define MTASTS_LINT_RUA_ELSEWHERE 1411

/** The TTL of the record is shorter than an hour. */
#define MTASTS_LINT_SHORT_TLSRPT_TTL 1412

/** The domain has an MTA-STS record and asks for no reports. */
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

/* Where a TLS report departs from RFC 8460. */

/** There are more deviations than are told. */
#define MTASTS_DEVIATION_MORE_DEVIATIONS 1421

/** The report begins with a byte order mark. */
#define MTASTS_DEVIATION_REPORT_BYTE_ORDER_MARK 1422

/** Text follows the report. */
#define MTASTS_DEVIATION_TEXT_AFTER_REPORT 1423

/** A text is not UTF-8, or has half of a surrogate pair. */
#define MTASTS_DEVIATION_BROKEN_TEXT 1424

/** A control character stands in a text without an escape. */
#define MTASTS_DEVIATION_REPORT_CONTROL_CHARACTER 1425

/** A text is longer than is read. */
#define MTASTS_DEVIATION_TEXT_CUT 1426

/** A member stands again in its object; the first counts. */
#define MTASTS_DEVIATION_DUPLICATE_MEMBER 1427

/** A member is none of RFC 8460. */
#define MTASTS_DEVIATION_UNKNOWN_MEMBER 1428

/** A member that RFC 8460 demands is missing. */
#define MTASTS_DEVIATION_MISSING_MEMBER 1429

/** A member is null. */
#define MTASTS_DEVIATION_NULL_MEMBER 1430

/** A text is empty where nothing should stand. */
#define MTASTS_DEVIATION_EMPTY_TEXT 1431

/** A value is of another type of JSON than RFC 8460 has. */
#define MTASTS_DEVIATION_WRONG_TYPE 1432

/** A string stands where an array of strings should. */
#define MTASTS_DEVIATION_STRING_FOR_ARRAY 1433

/** An object stands where an array of objects should. */
#define MTASTS_DEVIATION_OBJECT_FOR_ARRAY 1434

/** An array of JSON stands within a string. */
#define MTASTS_DEVIATION_ARRAY_IN_STRING 1435

/** A line has a line feed in it. */
#define MTASTS_DEVIATION_LINE_FEED_IN_LINE 1436

/** An element says too little to be counted. */
#define MTASTS_DEVIATION_EMPTY_ELEMENT 1437

/** The report tells of no policy. */
#define MTASTS_DEVIATION_NO_POLICIES 1438

/** The policy type is none that RFC 8460 registers. */
#define MTASTS_DEVIATION_UNKNOWN_POLICY_TYPE 1439

/** The result type is none that RFC 8460 registers. */
#define MTASTS_DEVIATION_UNKNOWN_RESULT_TYPE 1440

/** A policy that is not of MTA-STS has mx patterns. */
#define MTASTS_DEVIATION_MX_HOST_WITHOUT_STS 1441

/** The contact is no mail address with a domain. */
#define MTASTS_DEVIATION_BAD_CONTACT_INFO 1442

/** A name is not written in A-labels, without a last dot. */
#define MTASTS_DEVIATION_BAD_NAME_IN_REPORT 1443

/** An address is no IP address. */
#define MTASTS_DEVIATION_BAD_IP_ADDRESS 1444

/** An IPv6 address is not written as RFC 5952 has it. */
#define MTASTS_DEVIATION_UNUSUAL_IP_ADDRESS 1445

/** A time is none of RFC 3339. */
#define MTASTS_DEVIATION_BAD_DATETIME 1446

/** A time is before 1970. */
#define MTASTS_DEVIATION_DATETIME_OUT_OF_RANGE 1447

/** A time has no zone; UTC is taken. */
#define MTASTS_DEVIATION_DATETIME_WITHOUT_ZONE 1448

/** A time is not written as `2016-04-01T00:00:00Z`. */
#define MTASTS_DEVIATION_UNUSUAL_DATETIME 1449

/** The period ends at midnight; the second before is taken. */
#define MTASTS_DEVIATION_END_AT_MIDNIGHT 1450

/** The period is not one day of UTC. */
#define MTASTS_DEVIATION_NOT_ONE_DAY 1451

/** The period ends before it starts. */
#define MTASTS_DEVIATION_PERIOD_REVERSED 1452

/** A count is a string. */
#define MTASTS_DEVIATION_COUNT_AS_STRING 1453

/** A count is written with a fraction or an exponent. */
#define MTASTS_DEVIATION_COUNT_AS_FRACTION 1454

/** A count is above 2^53 - 1, the largest of I-JSON, which is taken. */
#define MTASTS_DEVIATION_COUNT_TOO_LARGE 1455

/** A count is negative; 0 is taken. */
#define MTASTS_DEVIATION_NEGATIVE_COUNT 1456

/** A count is no whole number. */
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
 * All went well, and the results are written.
 */
#define MTASTS_OK 0

/**
 * An argument is NULL that must not be.
 */
#define MTASTS_ERR_NULL 1

/**
 * A number is none of those that the function knows, or an array is longer than memory.
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
 * A bug of the library; the object that was to be changed is poisoned. Please report it.
 */
#define MTASTS_ERR_PANIC 5

/**
 * An earlier call ended with MTASTS_ERR_PANIC; all that is left to do with the object is to free it.
 */
#define MTASTS_ERR_POISONED 6

/**
 * The call builds upon another that has not been made, or the object is finished.
 */
#define MTASTS_ERR_TOO_EARLY 7

/**
 * The grammar of RFC 8461, and four departures whose meaning is plain: blank lines, a byte order mark in front, a dot
 * at the end of an mx, underscores in an mx. The default.
 */
#define MTASTS_STRICTNESS_TOLERANT 0

/**
 * The grammar alone: for owners who check what they publish.
 */
#define MTASTS_STRICTNESS_ABNF 1

/**
 * An answer without Content-Type gives an error. The default.
 */
#define MTASTS_MISSING_CONTENT_TYPE_REFUSE 0

/**
 * An answer without Content-Type gives the policy in its body.
 */
#define MTASTS_MISSING_CONTENT_TYPE_ACCEPT 1

/**
 * Do not deliver to a host that fails (RFC 8461, 5).
 */
#define MTASTS_MODE_ENFORCE 1

/**
 * Deliver, and report what would have failed.
 */
#define MTASTS_MODE_TESTING 2

/**
 * Act as if there were no policy.
 */
#define MTASTS_MODE_NONE 3

/**
 * A message is to be delivered (RFC 8461, 5.1, step 1).
 */
#define MTASTS_PURPOSE_DELIVER 1

/**
 * A cached policy is to be fetched anew before it expires (RFC 8461, 3.3 and 10.2).
 */
#define MTASTS_PURPOSE_REFRESH 2

/**
 * A message is to be returned since no MX host met the policy: has the owner published another one meanwhile
 * (RFC 8461, 5.1, step 3)? mtasts_delivery_recheck() says what its outcome means for the message.
 */
#define MTASTS_PURPOSE_BEFORE_PERMANENT_FAILURE 3

/**
 * Ask DNS for the TXT records of mtasts_lookup_txt_name(); answer with mtasts_lookup_handle_txt(), _txt_not_found()
 * or _txt_failed().
 */
#define MTASTS_OUTPUT_QUERY_TXT 1

/**
 * Get mtasts_lookup_policy_url() over HTTPS; answer with mtasts_lookup_handle_response() or _fetch_failed().
 */
#define MTASTS_OUTPUT_FETCH_POLICY 2

/**
 * Nothing more: take the outcome with mtasts_lookup_finish().
 */
#define MTASTS_OUTPUT_DONE 3

/**
 * The policy was remembered from an earlier fetch.
 */
#define MTASTS_SOURCE_CACHED 1

/**
 * The policy was fetched by this lookup.
 */
#define MTASTS_SOURCE_FETCHED 2

/**
 * Nothing new is to be remembered.
 */
#define MTASTS_UPDATE_KEEP 1

/**
 * The record was looked at; the policy stays as it is.
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
 * The lookup has not asked: what was remembered was enough.
 */
#define MTASTS_RECORD_CHECK_NOT_MADE 0

/**
 * DNS has answered, and the domain has no newer policy than the one of the outcome.
 */
#define MTASTS_RECORD_CHECK_CURRENT 1

/**
 * DNS has not answered, or there is a newer policy that was not fetched.
 */
#define MTASTS_RECORD_CHECK_FAILED 2

/**
 * The message asks nothing about TLS. The default.
 */
#define MTASTS_MESSAGE_UNSPECIFIED 0

/**
 * REQUIRETLS: over authenticated TLS to hosts that promise the same, or not at all (RFC 8689).
 */
#define MTASTS_MESSAGE_REQUIRETLS 1

/**
 * "TLS-Required: No": deliver even where the recipient's MTA-STS or DANE forbids it (RFC 8689).
 */
#define MTASTS_MESSAGE_TLS_REQUIRED_NO 2

/**
 * MAIL had REQUIRETLS (RFC 8689, 4).
 */
#define MTASTS_FACT_REQUIRETLS 1

/**
 * The header says "TLS-Required: No": see mtasts_tls_required_no().
 */
#define MTASTS_FACT_TLS_REQUIRED_NO 2

/**
 * The reverse path is null: MAIL FROM:<>.
 */
#define MTASTS_FACT_NULL_REVERSE_PATH 4

/**
 * The operator demands TLS where it can be had. The default.
 */
#define MTASTS_MINIMUM_OPPORTUNISTIC 0

/**
 * The operator demands TLS, with any certificate.
 */
#define MTASTS_MINIMUM_ENCRYPTED 1

/**
 * The operator demands TLS with a certificate that is valid for the MX host, or that DANE vouches for.
 */
#define MTASTS_MINIMUM_AUTHENTICATED 2

/**
 * Where a host has both DANE and a policy, both must pass. The default.
 */
#define MTASTS_DANE_PRECEDENCE_BOTH 0

/**
 * Where DANE passes, MTA-STS is not looked at.
 */
#define MTASTS_DANE_PRECEDENCE_DANE_DECIDES 1

/**
 * The host provably has no usable TLSA records, or this sender does no DANE. The default.
 */
#define MTASTS_DANE_NOT_APPLICABLE 0

/**
 * The host has usable TLSA records: TLS that they vouch for, or none of the message.
 */
#define MTASTS_DANE_USABLE 1

/**
 * DNS could not tell, or its answer was bogus: the host does not get the message now.
 */
#define MTASTS_DANE_LOOKUP_FAILED 4

/**
 * Nobody compared the certificate with TLSA records. A session with a host of MTASTS_DANE_USABLE does not get the message
 * then.
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
 * The answer to EHLO had no STARTTLS.
 */
#define MTASTS_TLS_NOT_OFFERED 1

/**
 * The host refused the command STARTTLS.
 */
#define MTASTS_TLS_REFUSED 2

/**
 * The handshake failed.
 */
#define MTASTS_TLS_HANDSHAKE_FAILED 3

/**
 * TLS older than 1.2.
 */
#define MTASTS_TLS_VERSION_TOO_OLD 4

/**
 * TLS, with a certificate that has expired.
 */
#define MTASTS_TLS_CERTIFICATE_EXPIRED 5

/**
 * TLS, with a certificate that is not valid yet.
 */
#define MTASTS_TLS_CERTIFICATE_NOT_YET_VALID 6

/**
 * TLS, with a certificate that has no DNS-ID for the host.
 */
#define MTASTS_TLS_CERTIFICATE_HOST_MISMATCH 7

/**
 * TLS, with a certificate that is not trusted for any other reason.
 */
#define MTASTS_TLS_CERTIFICATE_NOT_TRUSTED 8

/**
 * TLS, and nobody looked at the certificate.
 */
#define MTASTS_TLS_CERTIFICATE_NOT_CHECKED 9

/**
 * TLS, with a certificate that is trusted and valid for the host.
 */
#define MTASTS_TLS_AUTHENTICATED 10

/**
 * Do not connect; go on as if the host could not be reached.
 */
#define MTASTS_MX_SKIP 1

/**
 * Connect. Only TLS with a certificate valid for the DNS-ID will do: check the chain and the name.
 */
#define MTASTS_MX_AUTHENTICATE 2

/**
 * Connect. Only TLS that the TLSA records of the host vouch for will do: check these.
 */
#define MTASTS_MX_AUTHENTICATE_BY_DANE 3

/**
 * Connect. Only TLS will do, with any certificate.
 */
#define MTASTS_MX_ENCRYPT 4

/**
 * Connect, with TLS if it can be had. In mode testing check the certificate all the same: what is wrong with it gets
 * reported.
 */
#define MTASTS_MX_OPPORTUNISTIC 5

/**
 * Connect. Only TLS with a certificate will do that is valid for the DNS-ID, and that the TLSA records of the host vouch
 * for too: check both, and tell mtasts_check_session() both.
 */
#define MTASTS_MX_AUTHENTICATE_BY_BOTH 6

/**
 * Send the message, over whatever the session is.
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
 * The message would now be returned to its sender.
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
 * Another policy is in force by now.
 */
#define MTASTS_RECHECK_CHANGED 2

/**
 * No policy is in force any more: the domain has none.
 */
#define MTASTS_RECHECK_NO_LONGER_BOUND 3

/**
 * The domain could not be asked, or has a newer policy that could not be fetched.
 */
#define MTASTS_RECHECK_NOT_CHECKED 4

/**
 * Keep the message, and try again later. While a domain cannot be asked for a newer policy, that is the answer for as long
 * as it lasts.
 */
#define MTASTS_CONCLUSION_DEFER 1

/**
 * Look for a new policy first, for MTASTS_PURPOSE_BEFORE_PERMANENT_FAILURE, and conclude again with
 * mtasts_delivery_recheck() of its outcome.
 */
#define MTASTS_CONCLUSION_RECHECK_POLICY 2

/**
 * Return the message: it waited for too long (5.4.7).
 */
#define MTASTS_CONCLUSION_BOUNCE_DELIVERY_TIME_EXPIRED 3

/**
 * Return the message: REQUIRETLS was asked, and no host had TLS as it wants it (5.7.10).
 */
#define MTASTS_CONCLUSION_BOUNCE_ENCRYPTION_NEEDED 4

/**
 * Return the message: REQUIRETLS was asked, and no host knows it (5.7.30).
 */
#define MTASTS_CONCLUSION_BOUNCE_REQUIRETLS_NEEDED 5

/**
 * Try the MX hosts again at once, under mtasts_delivery_of() the outcome of the recheck: another policy applies, or none.
 */
#define MTASTS_CONCLUSION_TRY_AGAIN 6

/**
 * A report may depart from RFC 8460 as real senders do; mtasts_report_deviation_count() and its like tell where. The default.
 */
#define MTASTS_REPORT_TOLERANT 0

/**
 * A report must keep to RFC 8460 and to I-JSON; the first deviation is an error.
 */
#define MTASTS_REPORT_STRICT 1

/**
 * The event was counted with all that it tells.
 */
#define MTASTS_COUNTED_WHOLE 1

/**
 * The event was counted as a session; the rest was told with less, for want of room.
 */
#define MTASTS_COUNTED_FOLDED 2

/**
 * The event was not counted: it is of a message that is itself a TLS report (RFC 8460, 3).
 */
#define MTASTS_COUNTED_NOT_TLSRPT_REPORT 3

/**
 * The event was not counted: the domain has no TLSRPT record that asks for reports.
 */
#define MTASTS_COUNTED_NOT_NO_RECORD 4

/**
 * The event was not counted: the day has as many domains as may be.
 */
#define MTASTS_COUNTED_NOT_TOO_MANY_DOMAINS 5

/**
 * The event was not counted: the tally takes as much memory as it may.
 */
#define MTASTS_COUNTED_NOT_OUT_OF_MEMORY 6

/**
 * The event was not counted, for a reason that this version of the library has no number for.
 */
#define MTASTS_COUNTED_NOT 7

/**
 * One endpoint has taken the report (RFC 8460, 3).
 */
#define MTASTS_REPORT_DELIVERY_DELIVERED 1

/**
 * No endpoint has taken the report: try again later.
 */
#define MTASTS_REPORT_DELIVERY_FAILED 2

/**
 * No endpoint will take the report: the record is gone, or every endpoint said so for good.
 */
#define MTASTS_REPORT_DELIVERY_REFUSED 3

/**
 * Whoever runs the domain, its mail hosts, its policy host or their DNS can mend it.
 */
#define MTASTS_WHOSE_OWNER 1

/**
 * Whoever sent the report can mend it.
 */
#define MTASTS_WHOSE_SENDER 2

/**
 * The report does not tell who can mend it: the owner, the sender, or something between them.
 */
#define MTASTS_WHOSE_UNCLEAR 3

/**
 * For how many full days of UTC the same list of MX hosts must have been served. Default 14.
 */
#define MTASTS_READY_LIMIT_DAYS 1

/**
 * How many days the certificate of each MX host must still last, where nobody has seen that it renews by itself. Default 14.
 */
#define MTASTS_READY_LIMIT_CERTIFICATE_DAYS 2

/**
 * For how many full days no sender must have failed to fetch the policy. Default 7.
 */
#define MTASTS_READY_LIMIT_SERVED_DAYS 3

/**
 * How many organisations must have reported successes under the policy. Default 2.
 */
#define MTASTS_READY_LIMIT_SUBMITTERS 4

/**
 * How many sessions must have succeeded under the policy. Default 100.
 */
#define MTASTS_READY_LIMIT_SESSIONS 5

/**
 * How many sessions are enough for a domain that gets little mail. Default 10.
 */
#define MTASTS_READY_LIMIT_FEW_SESSIONS 6

/**
 * After how many full days they are enough. Default 28.
 */
#define MTASTS_READY_LIMIT_FEW_SESSIONS_DAYS 7

/**
 * For how many full days there may be no report of a success. Default 7.
 */
#define MTASTS_READY_LIMIT_SILENT_DAYS 8

/**
 * For how many full days there must have been no failure of the domain's own. Default 7.
 */
#define MTASTS_READY_LIMIT_CLEAN_DAYS 9

/**
 * How many organisations must have seen a failure until it is taken for the domain's own. Default 2.
 */
#define MTASTS_READY_LIMIT_WITNESSES 10

/**
 * How many of a thousand sessions of one organisation may fail for other causes. Default 5.
 */
#define MTASTS_READY_LIMIT_OTHER_FAILURES 11

/**
 * On how many days they may. Default 2.
 */
#define MTASTS_READY_LIMIT_OTHER_FAILURE_DAYS 12

/**
 * Every MX host in DNS passes a check now, and its certificate lasts.
 */
#define MTASTS_READY_RULE_HOSTS_PASS 1

/**
 * The policy is served now, and no sender failed to fetch it lately.
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
 * Of the failures none is the domain's own, for some days.
 */
#define MTASTS_READY_RULE_NO_FAILURE_OF_YOURS 5

/**
 * What single senders report is little, and on few days.
 */
#define MTASTS_READY_RULE_FEW_OTHER_FAILURES 6

/**
 * The sessions are those of senders that verify in mode testing.
 */
#define MTASTS_READY_RULE_SENDERS_VERIFY 7

/**
 * Every host that a report names is in DNS, or accepted.
 */
#define MTASTS_READY_RULE_HOSTS_KNOWN 8

/**
 * All conditions are met.
 */
#define MTASTS_READY_YES 1

/**
 * Something is missing that time, mail or mending brings.
 */
#define MTASTS_READY_NOT_YET 2

/**
 * The owner has to decide about a host, whatever else is missing.
 */
#define MTASTS_READY_BLOCKED 3

/**
 * Harmless, and worth knowing.
 */
#define MTASTS_SEVERITY_INFO 1

/**
 * Some senders stumble over it, mail may be lost, or the protection is weak.
 */
#define MTASTS_SEVERITY_WARNING 2

/**
 * Senders that keep to RFC 8461 ignore what is published.
 */
#define MTASTS_SEVERITY_ERROR 3

/**
 * The names, for Postfix 3.4 and later, and for sendmail's FEATURE(sts).
 */
#define MTASTS_POSTFIX_BASIC 0

/**
 * The names and the policy, for Postfix 3.10.5 and later; Postfix before 3.10 defers all mail to the domain.
 */
#define MTASTS_POSTFIX_EXTENDED 1

/**
 * As MTASTS_POSTFIX_EXTENDED, and mode testing is answered with the level "may".
 */
#define MTASTS_POSTFIX_EXTENDED_WITH_TESTING 2

/**
 * Entries by Policy Domain, bounded in number. It locks inside: any thread may use it at any time.
 *
 * When it is full, what is worth least goes: what has expired first, policies of mode enforce last. Whoever makes up
 * domains flushes no policy that protects mail.
 *
 * It holds what lookups came to, and nothing of those that still go on: several lookups of one domain at once each ask DNS
 * and the Policy Host.
 */
typedef struct mtasts_cache mtasts_cache;

/**
 * How lookups go. Where a function takes NULL for it, the defaults count: what RFC 8461 suggests.
 */
typedef struct mtasts_config mtasts_config;

/**
 * What libtlsrpt sends of one delivery: how TLS with an MX host went, under each policy that was looked for.
 *
 * Postfix sends such datagrams, and whoever builds one sends the same to whichever program counts: `sendto()` on a datagram socket of
 * AF_UNIX with MSG_DONTWAIT, so that mail never waits for it.
 */
typedef struct mtasts_datagram mtasts_datagram;

/**
 * What constrains the delivery of one message to one Policy Domain.
 *
 * The general flow: mtasts_delivery_of() the outcome of a lookup, and the setters; mtasts_plan() for the MX list, or
 * mtasts_check_mx() before each connection; mtasts_check_session() after each TLS attempt; mtasts_conclude() when no host
 * took the message. The MX list is never filtered: a host that is skipped counts as one that cannot be reached. A delivery
 * keeps nothing between the calls: hosts can be tried side by side, and in any order.
 */
typedef struct mtasts_delivery mtasts_delivery;

/**
 * A Policy Domain: the domain whose policy counts, with the names that follow from it (RFC 8461, 3).
 */
typedef struct mtasts_domain mtasts_domain;

/**
 * A report that is to be delivered now.
 */
typedef struct mtasts_due_report mtasts_due_report;

/**
 * Entries with their domains: a copy of what a cache held, or what had to go from it.
 */
typedef struct mtasts_entries mtasts_entries;

/**
 * What is remembered of a domain: its policy, that it has none, which fetches failed of late.
 *
 * An entry may hold a policy that has expired; it is no policy then: see mtasts_entry_is_valid().
 */
typedef struct mtasts_entry mtasts_entry;

/**
 * Why a call failed, with the place in its input. Free it with mtasts_error_free().
 */
typedef struct mtasts_error mtasts_error;

/**
 * Something that a report tells of: a session with an MX host, or a policy that could not be had.
 *
 * mtasts_tally_count() counts it, and mtasts_datagram_add() tells it to another program. A connection that failed before the host
 * greeted has no row and is no event (RFC 8460, 4.3.4).
 */
typedef struct mtasts_event mtasts_event;

/**
 * One kind of failure, and how many sessions had it. It belongs to its mtasts_report.
 */
typedef struct mtasts_failure mtasts_failure;

/**
 * One finding. It belongs to its mtasts_findings.
 */
typedef struct mtasts_finding mtasts_finding;

/**
 * What the owner of a domain should know of what is published, in the order of the text; 100 and a few at most.
 */
typedef struct mtasts_findings mtasts_findings;

/**
 * What a failure means: its cause, whose it is, and what mends it.
 */
typedef struct mtasts_hint mtasts_hint;

/**
 * One policy discovery: it says what to ask, is told the answers, and ends with an outcome.
 *
 * The general flow: mtasts_lookup_new(); then, while mtasts_lookup_poll_output() says MTASTS_OUTPUT_QUERY_TXT or
 * MTASTS_OUTPUT_FETCH_POLICY, do that and call one of mtasts_lookup_handle_...(); then mtasts_lookup_finish(),
 * mtasts_outcome_apply() or mtasts_cache_apply(), and mtasts_lookup_free(). To free it half-way is harmless.
 *
 * Lookups know nothing of each other: while one goes on, another of the same domain asks the same questions. A server that
 * looks up many messages at once keeps a table of the domains that are being looked up, and lets later messages wait for
 * that outcome.
 */
typedef struct mtasts_lookup mtasts_lookup;

/**
 * A host of the MX list, as named in its MX record: not the target of its CNAME.
 */
typedef struct mtasts_mx_host mtasts_mx_host;

/**
 * A pattern that covers MX hosts: a host name, or "*." and a domain (RFC 8461, 4.1).
 */
typedef struct mtasts_mx_pattern mtasts_mx_pattern;

/**
 * The verdicts for a whole MX list, in its order.
 */
typedef struct mtasts_mx_plan mtasts_mx_plan;

/**
 * What to do about an MX host before a connection, and what to report.
 */
typedef struct mtasts_mx_verdict mtasts_mx_verdict;

/**
 * A host name as DNS and TLS want it: lower case, A-labels, no trailing dot.
 */
typedef struct mtasts_name mtasts_name;

/**
 * What a lookup came to: the policy to apply or why there is none, what to remember, what to report.
 */
typedef struct mtasts_outcome mtasts_outcome;

/**
 * A policy: which MX hosts may have the domain's mail, and how strictly (RFC 8461, 3.2).
 *
 * To match is not yet to permit: in mode testing and none a host that does not match still gets the mail.
 * mtasts_delivery knows the modes.
 */
typedef struct mtasts_policy mtasts_policy;

/**
 * What to tell Postfix about mail to a domain.
 */
typedef struct mtasts_postfix_answer mtasts_postfix_answer;

/**
 * Whether a policy can be enforced, what is missing, and how much that rests upon.
 */
typedef struct mtasts_readiness mtasts_readiness;

/**
 * What is known of a domain and of the policy that is to be enforced: the question to which a mtasts_readiness is the answer.
 *
 * Without a check, which mtasts_ready_set_policy_fault() or mtasts_ready_add_host() tells of, the answer is never
 * MTASTS_READY_YES.
 */
typedef struct mtasts_ready mtasts_ready;

/**
 * An MTA-STS record: the domain has a policy, and the id tells one policy from the next (RFC 8461, 3.1).
 */
typedef struct mtasts_record mtasts_record;

/**
 * A TLS report: what one organisation saw of TLS with a domain, usually in a day (RFC 8460, 4.4).
 *
 * Everything in a report that was received is a stranger's text: it may hold any character but NUL, in whose place stands
 * U+FFFD, and may be untrue. What the sender left out is NULL.
 */
typedef struct mtasts_report mtasts_report;

/**
 * A report that is being built: what is added goes to the policy, or the kind of failure, that was added last.
 *
 * A mtasts_tally builds its reports itself; this is for those who count otherwise.
 */
typedef struct mtasts_report_builder mtasts_report_builder;

/**
 * What the name of a file with a report says (RFC 8460, 5.1). The report itself prevails.
 */
typedef struct mtasts_report_file_name mtasts_report_file_name;

/**
 * What is particular to the mail that brings a report. Compression, MIME and the signature are yours.
 *
 * The mail is of mtasts_report_mail_content_type() and has two parts: mtasts_report_mail_text() as text/plain in UTF-8, and
 * mtasts_report_json(), compressed with gzip and in base64, as mtasts_report_mail_media_type() with mtasts_report_mail_file_name().
 * It is from the contact of the sender, to the address of a "rua". Where it is signed with DKIM, both header fields that begin
 * with TLS-Report belong into the signature (RFC 8460, 5.3).
 */
typedef struct mtasts_report_mail mtasts_report_mail;

/**
 * What a report says of one policy. It belongs to its mtasts_report.
 */
typedef struct mtasts_report_policy mtasts_report_policy;

/**
 * Who sends reports: the domain that they come from, a mail address there, and the name of the organisation.
 */
typedef struct mtasts_report_sender mtasts_report_sender;

/**
 * What the subject of a mail with a report says (RFC 8460, 5.3). The report itself prevails.
 */
typedef struct mtasts_report_subject mtasts_report_subject;

/**
 * What to do with a session before MAIL, and what to report.
 */
typedef struct mtasts_session_verdict mtasts_session_verdict;

/**
 * Something that a condition lacks. It belongs to its mtasts_readiness.
 */
typedef struct mtasts_shortfall mtasts_shortfall;

/**
 * What is counted of sessions with other domains, and the reports that come of it.
 *
 * The general flow: mtasts_tally_count() each event, or mtasts_tally_count_datagram() what libtlsrpt sent. At
 * mtasts_tally_poll_timeout() and after each change, while mtasts_tally_poll_report() gives a report, deliver it to a "rua" of the
 * domain's record, asked for anew, and tell mtasts_tally_handle_delivery() what came of it. Keep mtasts_tally_text() over a restart.
 *
 * A day of UTC ends for its reports ten minutes after midnight; the report of a domain is due up to four hours later. Domains,
 * policies and names are strangers' and bounded: 16 policies of a domain in a day and 64 kinds of failures of a policy are told
 * apart, totals stay right beyond. Nothing that is counted gives way to what comes later.
 */
typedef struct mtasts_tally mtasts_tally;

/**
 * A text that the library wrote.
 */
typedef struct mtasts_text mtasts_text;

/**
 * A TLSRPT record: where a domain wants to hear how TLS with it went (RFC 8460, 3).
 */
typedef struct mtasts_tlsrpt_record mtasts_tlsrpt_record;

/**
 * One session, or one host that was skipped, as TLSRPT counts it (RFC 8460, 4.3).
 */
typedef struct mtasts_tlsrpt_row mtasts_tlsrpt_row;

/**
 * What became of a call: MTASTS_OK, or one of the MTASTS_ERR_ numbers.
 */
typedef int32_t mtasts_status;

/**
 * What went wrong, as TLSRPT counts it (RFC 8460, 4.3): one of the MTASTS_TLSRPT_ numbers.
 */
typedef uint32_t mtasts_result_type;

/**
 * Octets that the caller keeps, for functions that take several: a TXT RR each, or a header field each.
 *
 * `data` may be NULL when `len` is 0. This struct never changes.
 */
typedef struct {
  /**
   * The first octet.
   */
  const uint8_t *data;
  /**
   * How many octets.
   */
  size_t len;
} mtasts_bytes;

/**
 * What an answer without Content-Type counts as: one of the MTASTS_MISSING_CONTENT_TYPE_ numbers.
 */
typedef uint32_t mtasts_missing_content_type;

/**
 * Which grammar a policy must keep to: one of the MTASTS_STRICTNESS_ numbers.
 */
typedef uint32_t mtasts_strictness;

/**
 * How strictly a policy is meant: one of the MTASTS_MODE_ numbers.
 */
typedef uint32_t mtasts_mode;

/**
 * What a lookup is for: one of the MTASTS_PURPOSE_ numbers.
 */
typedef uint32_t mtasts_purpose;

/**
 * What a lookup wants next: one of the MTASTS_OUTPUT_ numbers.
 */
typedef uint32_t mtasts_output;

/**
 * Where a policy came from: one of the MTASTS_SOURCE_ numbers.
 */
typedef uint32_t mtasts_source;

/**
 * What is to be remembered after a lookup: one of the MTASTS_UPDATE_ numbers.
 */
typedef uint32_t mtasts_update;

/**
 * Whether a lookup has asked the domain for a newer policy than the cached one: one of the MTASTS_RECORD_CHECK_ numbers.
 */
typedef uint32_t mtasts_record_check;

/**
 * What a message asks about TLS: one of the MTASTS_MESSAGE_ numbers.
 */
typedef uint32_t mtasts_message;

/**
 * What the envelope and the header of a message say about TLS: the MTASTS_FACT_ flags that hold, joined with |.
 */
typedef uint32_t mtasts_message_facts;

/**
 * What the operator demands of every session: one of the MTASTS_MINIMUM_ numbers.
 */
typedef uint32_t mtasts_minimum;

/**
 * What counts where a host has both DANE and a policy: one of the MTASTS_DANE_PRECEDENCE_ numbers.
 */
typedef uint32_t mtasts_dane_precedence;

/**
 * What DNS says of DANE for a host before a connection: MTASTS_DANE_NOT_APPLICABLE, MTASTS_DANE_USABLE or
 * MTASTS_DANE_LOOKUP_FAILED.
 */
typedef uint32_t mtasts_dane;

/**
 * What to do about an MX host before a connection: one of the MTASTS_MX_ numbers.
 */
typedef uint32_t mtasts_mx_decision;

/**
 * How a TLS attempt ended, and what was found of the certificate: one of the MTASTS_TLS_ numbers.
 */
typedef uint32_t mtasts_tls;

/**
 * What the TLSA records of a host say of the certificate that it showed: one of the MTASTS_DANE_RESULT_ numbers.
 */
typedef uint32_t mtasts_dane_result;

/**
 * What to do with a session before MAIL: one of the MTASTS_SESSION_ numbers.
 */
typedef uint32_t mtasts_session_decision;

/**
 * The kind of policy that TLSRPT counts a session under (RFC 8460, 4.4): one of the MTASTS_POLICY_TYPE_ numbers.
 */
typedef uint32_t mtasts_policy_type;

/**
 * What a lookup for MTASTS_PURPOSE_BEFORE_PERMANENT_FAILURE says of the policy that no MX host met (RFC 8461, 5.1, step 3): one of the
 * MTASTS_RECHECK_ numbers.
 */
typedef uint32_t mtasts_recheck;

/**
 * The age of a message in its queue: one of the MTASTS_QUEUE_ numbers.
 */
typedef uint32_t mtasts_queue_lifetime;

/**
 * What becomes of a message that no MX host took: one of the MTASTS_CONCLUSION_ numbers.
 */
typedef uint32_t mtasts_conclusion;

/**
 * How closely a report must keep to RFC 8460: one of the MTASTS_REPORT_ numbers.
 */
typedef uint32_t mtasts_report_grammar;

/**
 * Whether an event was counted, and if not, why: one of the MTASTS_COUNTED_ numbers.
 */
typedef uint32_t mtasts_counted;

/**
 * What came of the delivery of a report: one of the MTASTS_REPORT_DELIVERY_ numbers.
 */
typedef uint32_t mtasts_report_delivery;

/**
 * Who can mend a failure: one of the MTASTS_WHOSE_ numbers.
 */
typedef uint32_t mtasts_whose;

/**
 * A limit of a condition: one of the MTASTS_READY_LIMIT_ numbers.
 */
typedef uint32_t mtasts_ready_limit;

/**
 * A condition for enforcing a policy: one of the MTASTS_READY_RULE_ numbers, from 1 without a gap.
 */
typedef uint32_t mtasts_ready_rule;

/**
 * Whether to enforce: MTASTS_READY_YES, MTASTS_READY_NOT_YET or MTASTS_READY_BLOCKED.
 */
typedef uint32_t mtasts_ready_verdict;

/**
 * How grave a finding is: one of the MTASTS_SEVERITY_ numbers.
 */
typedef uint32_t mtasts_severity;

/**
 * What the answer is written for: one of the MTASTS_POSTFIX_ numbers.
 */
typedef uint32_t mtasts_postfix_form;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library at hand, as "0.1.0"; MTASTS_VERSION is that of the header.
 *
 * Never NULL; it lives as long as the process.
 *
 * Ownership: the result is the library's.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_version(void);

/**
 * The version of the library at hand as a number: major * 65536 + minor * 256 + patch.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint32_t mtasts_version_number(void);

/**
 * Whether the library at hand has all that a header of this version declares, with the same ABI.
 *
 * Call it with MTASTS_VERSION_NUMBER. 1 if so, 0 if not: do not go on then.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_version_check(uint32_t header);

/**
 * Whether the library turns U-labels into A-labels: 1, or 0 if it was built without the feature "idna".
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_has_idna(void);

/**
 * The stable word of a status, fault or finding, as "missing-mx", for logs and metrics.
 *
 * For a number that this version does not know: "unknown-status". Never NULL; it lives as long as the process.
 *
 * Ownership: the result is the library's.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_status_code(mtasts_status status);

/**
 * What a status, fault or finding means, as one English sentence.
 *
 * Known for every number, as in mtasts_status_code(). Never NULL; it lives as long as the process.
 *
 * Ownership: the result is the library's.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_status_message(mtasts_status status);

/**
 * What TLSRPT calls a fault of a session, a failure to fetch, or an error: one of the MTASTS_TLSRPT_ numbers, which
 * are libtlsrpt's.
 *
 * 0 where TLSRPT knows no result type for it, and for a status that has none.
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
 * The stable word of the error, as mtasts_status_code() gives it. NULL for NULL.
 *
 * Ownership: the result belongs to `error` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_error_code(const mtasts_error *error);

/**
 * What happened, as one English sentence, with the line and the octet of the input where there is one.
 * NULL for NULL.
 *
 * Ownership: the result belongs to `error` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_error_message(const mtasts_error *error);

/**
 * The line of the input, counted from 1; 0 where there is no input to point at, for a report, which has a path instead, and
 * for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint32_t mtasts_error_line(const mtasts_error *error);

/**
 * The octet of the input, counted from 0; 0 where there is no input to point at, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_error_offset(const mtasts_error *error);

/**
 * The member of a TLS report where the error is, as "policies[0].summary"; empty for the report as a whole. NULL for an error
 * of anything else, and for NULL.
 *
 * Ownership: the result belongs to `error` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_error_path(const mtasts_error *error);

/**
 * Frees an error. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_error_free(mtasts_error *error);

/**
 * Reads a host name: `text` in any case, with A-labels or U-labels, and one trailing dot at most. It may stand in brackets,
 * as a smart host does.
 *
 * Errors: 101 to 109, with the octet; for an address, "address-literal".
 *
 * Ownership: `*name` is the caller's; free it with mtasts_name_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_name_parse(const char *text,
                                mtasts_name **name,
                                mtasts_error **error);

/**
 * The name as text. NULL for NULL.
 *
 * Ownership: the result belongs to `name` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_name_text(const mtasts_name *name);

/**
 * Frees a name. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_name_free(mtasts_name *name);

/**
 * Reads a Policy Domain: `text` as mtasts_name_parse() takes it.
 *
 * It is the domain of the recipient, as addressed, or the name of the smart host.
 *
 * Errors: 101 to 109, with the octet. For an address literal there is no policy: deliver without MTA-STS.
 *
 * Ownership: `*domain` is the caller's; free it with mtasts_domain_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_domain_parse(const char *text, mtasts_domain **domain, mtasts_error **error);

/**
 * The Policy Domain of a recipient: the domain of `address`, which may be a path with angle brackets.
 *
 * Errors: "missing-domain" (112) for a local part alone; else as mtasts_domain_parse(), octets counted from the start of
 * the address.
 *
 * Ownership: `*domain` is the caller's; free it with mtasts_domain_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_domain_of_recipient(const char *address,
                                         mtasts_domain **domain,
                                         mtasts_error **error);

/**
 * The domain as text: lower case, A-labels, no trailing dot. NULL for NULL.
 *
 * Ownership: the result belongs to `domain` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_domain_text(const mtasts_domain *domain);

/**
 * Where the record is: "_mta-sts." and the domain (RFC 8461, 3.1). NULL for NULL.
 *
 * Ownership: the result belongs to `domain` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_domain_txt_name(const mtasts_domain *domain);

/**
 * The Policy Host: "mta-sts." and the domain (RFC 8461, 3.3). NULL for NULL.
 *
 * Ownership: the result belongs to `domain` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_domain_policy_host(const mtasts_domain *domain);

/**
 * Where the policy is (RFC 8461, 3.2). NULL for NULL.
 *
 * Ownership: the result belongs to `domain` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_domain_policy_url(const mtasts_domain *domain);

/**
 * Where the TLSRPT record is: "_smtp._tls." and the domain (RFC 8460, 3).
 *
 * NULL for NULL, and for a domain so long that the name would be no name.
 *
 * Ownership: the result belongs to `domain` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_tlsrpt_txt_name(const mtasts_domain *domain);

/**
 * Frees a domain. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_domain_free(mtasts_domain *domain);

/**
 * Reads a pattern as it stands after "mx:" in a policy: `text` with A-labels, in any case.
 *
 * Errors: 101 to 111, with the octet: the text can never cover a host.
 *
 * Ownership: `*pattern` is the caller's; free it with mtasts_mx_pattern_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_mx_pattern_parse(const char *text, mtasts_mx_pattern **pattern, mtasts_error **error);

/**
 * The pattern as text: lower case, no trailing dot. NULL for NULL.
 *
 * Ownership: the result belongs to `pattern` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_mx_pattern_text(const mtasts_mx_pattern *pattern);

/**
 * Whether the pattern begins with "*.": 1 or 0. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_mx_pattern_is_wildcard(const mtasts_mx_pattern *pattern);

/**
 * Whether the pattern covers `host`, the name in an MX record, as it came: 1 or 0.
 *
 * 0 for NULL, and for what is no host name.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_mx_pattern_matches(const mtasts_mx_pattern *pattern, const char *host);

/**
 * Frees a pattern. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_mx_pattern_free(mtasts_mx_pattern *pattern);

/**
 * Whether `dns_id`, a subjectAltName of type dNSName, stands for `host`: 1 or 0.
 *
 * For TLS stacks that do not compare names. A star stands for the whole first label or is not one (RFC 8461, 4.2).
 * 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_dns_id_matches(const char *dns_id,
                              const char *host);

/**
 * Reads one TXT RR: `len` octets at `txt`, its character-strings joined with nothing between.
 *
 * Errors: 203 to 211, with the octet. To the sender such a record is none.
 *
 * Ownership: `*record` is the caller's; free it with mtasts_record_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_record_parse(const uint8_t *txt,
                                  size_t len,
                                  mtasts_record **record,
                                  mtasts_error **error);

/**
 * Picks the record out of an RRset: `count` TXT RRs at `rrs`, each with its character-strings joined.
 *
 * Errors: "no-record" when no RR begins as a record, "several-records" when two do; else as mtasts_record_parse().
 * All of them mean: act as if there were no policy.
 *
 * Ownership: `*record` is the caller's; free it with mtasts_record_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_record_select(const mtasts_bytes *rrs,
                                   size_t count,
                                   mtasts_record **record,
                                   mtasts_error **error);

/**
 * The id of the policy that is published now: 1 to 32 letters and digits. NULL for NULL.
 *
 * Ownership: the result belongs to `record` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_record_id(const mtasts_record *record);

/**
 * Frees a record. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_record_free(mtasts_record *record);

/**
 * A configuration with the defaults. The caller frees it with mtasts_config_free(); NULL never comes back.
 *
 * Ownership: the result is the caller's.
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_config *mtasts_config_new(void);

/**
 * Sets how many `seconds` a record id whose fetch failed is left alone. Default 300, and never less
 * (RFC 8461, 3.3).
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_config_set_back_off(mtasts_config *config, uint64_t seconds);

/**
 * Sets how long a fetch may take, from the address lookup to the last octet, in `milliseconds`. Default 60000; at 0
 * every fetch fails.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_config_set_fetch_timeout_ms(mtasts_config *config,
                                                 uint64_t milliseconds);

/**
 * Sets how long a body may be, in `octets`. Default 65536; 1048576 at most.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_config_set_max_body_len(mtasts_config *config, size_t octets);

/**
 * Sets what an answer without Content-Type gives: `rule` is one of the MTASTS_MISSING_CONTENT_TYPE_ numbers.
 *
 * Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for any other number.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_config_set_missing_content_type(mtasts_config *config, mtasts_missing_content_type rule);

/**
 * Sets how closely a policy must keep to the grammar: `strictness` is one of the MTASTS_STRICTNESS_ numbers.
 *
 * Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for any other number.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_config_set_strictness(mtasts_config *config, mtasts_strictness strictness);

/**
 * How long a record id whose fetch failed is left alone, in seconds. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_config_back_off(const mtasts_config *config);

/**
 * How long a fetch may take, in milliseconds. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_config_fetch_timeout_ms(const mtasts_config *config);

/**
 * How long a body may be, in octets. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_config_max_body_len(const mtasts_config *config);

/**
 * Frees a configuration. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_config_free(mtasts_config *config);

/**
 * Reads the body of a policy, `len` octets at `body`, tolerating what MTASTS_STRICTNESS_TOLERANT names.
 *
 * Errors: 301 to 316, with line and octet.
 *
 * Ownership: `*policy` is the caller's; free it with mtasts_policy_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_policy_parse(const uint8_t *body,
                                  size_t len,
                                  mtasts_policy **policy,
                                  mtasts_error **error);

/**
 * Reads the body of a policy, `len` octets at `body`, as closely as `strictness` asks: one of the MTASTS_STRICTNESS_
 * numbers.
 *
 * Errors: 301 to 320, with line and octet; MTASTS_ERR_ARGUMENT for an unknown strictness.
 *
 * Ownership: `*policy` is the caller's; free it with mtasts_policy_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_policy_parse_with(const uint8_t *body,
                                       size_t len,
                                       mtasts_strictness strictness,
                                       mtasts_policy **policy,
                                       mtasts_error **error);

/**
 * Reads the policy out of the answer of a Policy Host, its certificate verified: the HTTP `status`, the
 * `content_type` as it was received (NULL if there was none; several joined with commas, which is refused), `len` octets at `body`.
 * `config` may be NULL.
 *
 * Errors: 401 to 405 for the answer, 301 to 320 for the body; mtasts_status_result_type() says what TLSRPT calls it.
 *
 * Ownership: `*policy` is the caller's; free it with mtasts_policy_free().
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
 * The word of a mode: "enforce", "testing", "none". NULL for a number that is none. It lives as long as the process.
 *
 * Ownership: the result is the library's.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_mode_word(mtasts_mode mode);

/**
 * How long the policy may be used, in seconds from its fetch: 0 to 31557600. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_policy_max_age(const mtasts_policy *policy);

/**
 * How many mx patterns there are, duplicates counted. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_policy_mx_count(const mtasts_policy *policy);

/**
 * An mx pattern, in their order from 0: lower case, no trailing dot. NULL for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `policy` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_policy_mx_get(const mtasts_policy *policy, size_t index);

/**
 * Whether a pattern covers `host`, the name in an MX record, as it came: 1 or 0.
 *
 * 0 for NULL, and for what is no host name.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_policy_matches_mx(const mtasts_policy *policy, const char *host);

/**
 * The first pattern that covers `host`. NULL if none does, for NULL, and for what is no host name.
 *
 * Ownership: the result belongs to `policy` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_policy_matching_mx(const mtasts_policy *policy, const char *host);

/**
 * The text as it was received. NULL for NULL.
 *
 * Ownership: the result belongs to `policy` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_policy_text(const mtasts_policy *policy);

/**
 * The policy as the grammar writes it, lines ended by CRLF; unknown fields are left out. NULL for NULL.
 *
 * Ownership: the result belongs to `policy` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_policy_written(const mtasts_policy *policy);

/**
 * How many lines were received, blank ones not counted: the policy-string of TLSRPT (RFC 8460, 4.4). 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_policy_line_count(const mtasts_policy *policy);

/**
 * A line as it was received, without its end, in their order from 0. NULL for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `policy` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_policy_line_get(const mtasts_policy *policy, size_t index);

/**
 * The same policy as a handle of its own, for longer than what it is borrowed from. It costs no copy of the text.
 *
 * The caller frees it with mtasts_policy_free(). NULL for NULL.
 *
 * Ownership: the result is the caller's.
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_policy *mtasts_policy_clone(const mtasts_policy *policy);

/**
 * Frees a policy. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_policy_free(mtasts_policy *policy);

/**
 * Begins a lookup of `domain` for one of the MTASTS_PURPOSE_ numbers, with the `entry` that the cache holds (NULL for
 * none) at the time `now`, in Unix seconds. `config` may be NULL. Nothing of them is kept.
 *
 * It may be done at once. Errors: 101 to 109 for the domain; MTASTS_ERR_ARGUMENT for an unknown purpose.
 *
 * Ownership: `*lookup` is the caller's; free it with mtasts_lookup_free().
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
 * What to do next: one of the MTASTS_OUTPUT_ numbers, the same until the next answer. 0 for NULL, and when poisoned: so go on
 * while it is MTASTS_OUTPUT_QUERY_TXT or MTASTS_OUTPUT_FETCH_POLICY, and not until it is MTASTS_OUTPUT_DONE.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_output mtasts_lookup_poll_output(const mtasts_lookup *lookup);

/**
 * The domain that is looked up: lower case, A-labels. NULL for NULL.
 *
 * Ownership: the result belongs to `lookup` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_lookup_domain(const mtasts_lookup *lookup);

/**
 * The name whose TXT records are wanted. It is absolute: no search list applies. NULL for NULL.
 *
 * Ownership: the result belongs to `lookup` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_lookup_txt_name(const mtasts_lookup *lookup);

/**
 * The Policy Host: its certificate must be valid for this DNS-ID, and SNI says it. NULL for NULL.
 *
 * Ownership: the result belongs to `lookup` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_lookup_policy_host(const mtasts_lookup *lookup);

/**
 * The URL to GET. TLS 1.2 or later, no redirect followed, no HTTP cache, no proxy that answers itself. NULL for NULL.
 *
 * Ownership: the result belongs to `lookup` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_lookup_policy_url(const mtasts_lookup *lookup);

/**
 * How long the fetch may take, from the address lookup to the last octet, in milliseconds. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_lookup_fetch_timeout_ms(const mtasts_lookup *lookup);

/**
 * How long the body may be, in octets: stop reading after it, and answer MTASTS_FETCH_POLICY_HOST_BODY_TOO_LARGE.
 * 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_lookup_max_body_len(const mtasts_lookup *lookup);

/**
 * Takes the TXT records of the name, CNAMEs followed: `count` RRs at `rrs`, each with its character-strings joined,
 * the shortest `ttl` on the way to them in seconds, and the time `now` in Unix seconds.
 *
 * DNS is asked again after `ttl`, but after no less than 30 seconds and no more than an hour: so 0 does as well where the
 * TTL is not known. An answer without TXT records is one for mtasts_lookup_handle_txt_not_found(); none at `rrs` is the same.
 *
 * Errors: "unexpected-input", "already-done"; the lookup stays as it was.
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
 * Takes that DNS answers, and that there are no TXT records: NXDOMAIN, or NOERROR without one. `ttl` is how long that may be
 * kept, in seconds (RFC 2308, 5); 0 if DNS did not say. It counts as in mtasts_lookup_handle_txt().
 *
 * Any other RCODE, a timeout and a bogus answer belong to mtasts_lookup_handle_txt_failed(): there may be a policy then.
 *
 * Errors: "unexpected-input", "already-done"; the lookup stays as it was.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_lookup_handle_txt_not_found(mtasts_lookup *lookup,
                                                 uint32_t ttl,
                                                 uint64_t now);

/**
 * Takes that DNS gave no answer: `failure` is one of the MTASTS_TXT_ numbers.
 *
 * Errors: "unexpected-input", "already-done", MTASTS_ERR_ARGUMENT; the lookup stays as it was.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_lookup_handle_txt_failed(mtasts_lookup *lookup, mtasts_status failure, uint64_t now);

/**
 * Takes what the Policy Host answered, its certificate verified for its name: the HTTP `status`, the `content_type`
 * as it was received (NULL if there was none; several joined with commas), `len` octets at `body`.
 *
 * An answer that gives no policy is no error of the call: the outcome tells. Errors: "unexpected-input",
 * "already-done"; the lookup stays as it was.
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
 * Takes that no answer came from the Policy Host, or none that could be trusted: `failure` is one of the MTASTS_FETCH_
 * numbers.
 *
 * Errors: "unexpected-input", "already-done", MTASTS_ERR_ARGUMENT; the lookup stays as it was.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_lookup_handle_fetch_failed(mtasts_lookup *lookup,
                                                mtasts_status failure,
                                                uint64_t now);

/**
 * The outcome, once mtasts_lookup_poll_output() says MTASTS_OUTPUT_DONE. The lookup is still to be freed.
 *
 * Errors: MTASTS_ERR_NOT_DONE.
 *
 * Ownership: `*outcome` is the caller's; free it with mtasts_outcome_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_lookup_finish(const mtasts_lookup *lookup, mtasts_outcome **outcome);

/**
 * Frees a lookup, done or not. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_lookup_free(mtasts_lookup *lookup);

/**
 * The policy to apply; its mode may be testing or none. NULL if there is none, and for NULL: then
 * mtasts_outcome_no_policy() says why.
 *
 * Ownership: the result belongs to `outcome` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_policy *mtasts_outcome_policy(const mtasts_outcome *outcome);

/**
 * Whether it is known if a policy applies. 0 if not, and for NULL: then the mail waits, and another lookup is made later;
 * mtasts_delivery_of() sees to that.
 *
 * To send it as to a domain without MTA-STS would be what an attacker wants who suppresses the record (RFC 8461, 10.2).
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int mtasts_outcome_is_known(const mtasts_outcome *outcome);

/**
 * Where the policy came from: one of the MTASTS_SOURCE_ numbers. 0 if there is no policy, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_source mtasts_outcome_policy_source(const mtasts_outcome *outcome);

/**
 * The id of the record of the policy. NULL if there is no policy, and for NULL.
 *
 * Ownership: the result belongs to `outcome` and lives as long.
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
 * Why no policy applies: one of the MTASTS_NO_POLICY_ numbers. 0 if one does, and for NULL.
 *
 * The mail goes out as if the domain had no MTA-STS, if mtasts_outcome_is_known(); otherwise it waits.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_outcome_no_policy(const mtasts_outcome *outcome);

/**
 * What was wrong with the record, DNS, or the fetch, by its own number. 0 if there is nothing more to tell, and for
 * NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_outcome_no_policy_detail(const mtasts_outcome *outcome);

/**
 * From when on a lookup fetches again, for MTASTS_NO_POLICY_BACKING_OFF, in Unix seconds. 0 otherwise, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_outcome_no_policy_until(const mtasts_outcome *outcome);

/**
 * What is to be remembered: one of the MTASTS_UPDATE_ numbers. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_update mtasts_outcome_update_kind(const mtasts_outcome *outcome);

/**
 * Applies what is to be remembered to `entry`, which your store holds by now (NULL for none), at the time `now` in Unix
 * seconds. `*updated` becomes the entry to keep in its place, or NULL when nothing is left worth remembering.
 *
 * With a mtasts_cache, call mtasts_cache_apply() instead. Several processes that share a store lock it from the look to the
 * write. Where the updated entry has another policy in force than the outcome, another process has stored one that was asked
 * for later: deliver under that one. Errors: MTASTS_ERR_NULL.
 *
 * Ownership: `*updated` is the caller's; free it with mtasts_entry_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_outcome_apply(const mtasts_outcome *outcome,
                                   const mtasts_entry *entry,
                                   uint64_t now,
                                   mtasts_entry **updated);

/**
 * What to count in TLSRPT under policy type "sts": one of the MTASTS_TLSRPT_ numbers. 0 if there is nothing to report,
 * and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_result_type mtasts_outcome_failure_result_type(const mtasts_outcome *outcome);

/**
 * The failure-reason-code of the report. NULL if there is nothing to report, and for NULL.
 *
 * Ownership: the result belongs to `outcome` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_outcome_failure_reason_code(const mtasts_outcome *outcome);

/**
 * How many lines were received when the body was no valid policy: the policy-string of the report (RFC 8460, 4.4). Together
 * they take at most twice the octets of the body. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_outcome_failure_line_count(const mtasts_outcome *outcome);

/**
 * A line that was received, in their order from 0; what is not UTF-8 and control characters are replaced, by one U+FFFD
 * however many stand in a row. It is looked for from the first line on. NULL for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `outcome` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_outcome_failure_line_get(const mtasts_outcome *outcome,
                                            size_t index);

/**
 * What to tell the administrator, since a policy could not be fetched anew: the number of the fault. 0 if there is
 * nothing to tell, and for NULL. Once is no reason to worry: see mtasts_outcome_alert_failures().
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_outcome_alert(const mtasts_outcome *outcome);

/**
 * How many fetches have failed since the last that succeeded, this one included. 0 without an alert, and for NULL.
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
 * Whether the domain was asked for a newer policy, and what came of it: one of the MTASTS_RECORD_CHECK_ numbers.
 * MTASTS_RECORD_CHECK_NOT_MADE for NULL. What it means for a message that would be returned, mtasts_delivery_recheck() says.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_record_check mtasts_outcome_record_check(const mtasts_outcome *outcome);

/**
 * Frees an outcome. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_outcome_free(mtasts_outcome *outcome);

/**
 * Reads the saved entry of `domain` back: `len` octets at `text`, as mtasts_entry_text() gave them. A text of version
 * 1 names no domain: it counts for whichever it is read for.
 *
 * Errors: 101 to 109 for the domain; 701 to 709 for the text, with line and octet: cut off, damaged, of a version to come,
 * or of another domain. Go on as if nothing had been remembered.
 *
 * Ownership: `*entry` is the caller's; free it with mtasts_entry_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_entry_parse(const uint8_t *text,
                                 size_t len,
                                 const char *domain,
                                 mtasts_entry **entry,
                                 mtasts_error **error);

/**
 * An entry for a policy that was fetched in another way: `policy` (which stays the caller's), the `id` of the record
 * before the fetch, `fetched_at`, when it was asked for, and `checked_until`, until when the record need not be looked at.
 *
 * Errors: "bad-id".
 *
 * Ownership: `*entry` is the caller's; free it with mtasts_entry_free().
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
 * The entry of `domain` as text, the same in every store and every language: keep it, and read it with
 * mtasts_entry_parse(). NULL for NULL, and where `domain` is no domain.
 *
 * Ownership: the result belongs to `entry` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_entry_text(const mtasts_entry *entry, const char *domain);

/**
 * The policy, expired or not. NULL if there is none, and for NULL.
 *
 * Ownership: the result belongs to `entry` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_policy *mtasts_entry_policy(const mtasts_entry *entry);

/**
 * Whether a policy is in force at the time `now`, in Unix seconds: 1 or 0. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_entry_is_valid(const mtasts_entry *entry, uint64_t now);

/**
 * The id that the record had before the policy was fetched. NULL if there is no policy, and for NULL.
 *
 * Ownership: the result belongs to `entry` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_entry_policy_id(const mtasts_entry *entry);

/**
 * When the policy was asked for, in Unix seconds: its answer may have been held back. 0 if there is no policy, and for NULL.
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
 * When the policy should be asked for again, while it still protects mail (RFC 8461, 3.3 and 10.2), in Unix seconds, for a
 * store of your own: then run a lookup with MTASTS_PURPOSE_REFRESH. A mtasts_cache goes by it.
 *
 * That is a day after it was asked for, or half its max_age if that is shorter, and up to a quarter of this earlier: `spread`,
 * any number of the domain's own that you keep, says how much, 0 not at all, so that not all are due at the same time. The
 * greatest number where max_age is less than an hour or the policy has lapsed at the time `now`, which is then fetched when
 * there is mail; if there is no policy, and for NULL.
 *
 * A fetch that lies in the future was made before the clock stepped back, and counts as one of `now`: so a time that you have
 * kept, and that is more than a day ahead, comes from before that; take it for due. While refreshes fail the policy stays
 * due: let half an hour pass before the next.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_entry_refresh_at(const mtasts_entry *entry,
                                 uint64_t spread,
                                 uint64_t now);

/**
 * Until when the record need not be asked for again, in Unix seconds; 0 if it must be, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_entry_checked_until(const mtasts_entry *entry);

/**
 * Why the domain had no usable record, by its MTASTS_ERR_ number. 0 if that is not remembered, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_entry_absence(const mtasts_entry *entry);

/**
 * Until when it is believed that the domain has no record, in Unix seconds. 0 if that is not remembered, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_entry_absence_until(const mtasts_entry *entry);

/**
 * How many record ids are left alone since their fetch failed: 4 at most. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_entry_back_off_count(const mtasts_entry *entry);

/**
 * A record id that is left alone, in their order from 0. NULL for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `entry` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_entry_back_off_id(const mtasts_entry *entry, size_t index);

/**
 * Until when a record id is left alone, in Unix seconds. 0 for NULL, and beyond the last.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_entry_back_off_until(const mtasts_entry *entry, size_t index);

/**
 * How many fetches have failed since the policy was fetched. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint32_t mtasts_entry_fetch_failures(const mtasts_entry *entry);

/**
 * Frees an entry. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_entry_free(mtasts_entry *entry);

/**
 * A cache for `max_entries` domains (0 for the default, 65536) whose policies take at most `max_octets` octets of memory (0
 * for the default, 256 MiB), each let go after `unused_for` seconds without use (0 for the default, 180 days).
 *
 * A policy that many domains share counts once. It takes at most 2.5 times its text and 200 octets; one that takes more than
 * fifteen sixteenths of `max_octets` is not cached. When they take too much, the policies go that no mail went to again, out
 * of the class of sizes that takes the most.
 *
 * Take `seed` from a source of random numbers, and keep it to yourself: it keys the hash of the names, which come from
 * strangers, and spreads the refreshes.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Ownership: `*cache` is the caller's; free it with mtasts_cache_free().
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_cache_new(uint64_t seed,
                               size_t max_entries,
                               size_t max_octets,
                               uint64_t unused_for,
                               mtasts_cache **cache);

/**
 * How many domains are remembered. 0 for NULL, and when poisoned.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_cache_len(const mtasts_cache *cache);

/**
 * How many octets the policies take in memory. 0 for NULL, and when poisoned.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_cache_octets(const mtasts_cache *cache);

/**
 * What is remembered of `domain`, for a delivery at the time `now` in Unix seconds; it marks that the domain is in use.
 * `*entry` becomes NULL when nothing is remembered that still counts.
 *
 * Errors: 101 to 109 for the domain.
 *
 * Ownership: `*entry` is the caller's; free it with mtasts_entry_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_cache_get(const mtasts_cache *cache,
                               const char *domain,
                               uint64_t now,
                               mtasts_entry **entry,
                               mtasts_error **error);

/**
 * As mtasts_cache_get(), but marks no use: for a refresh, or for whoever looks into the cache.
 *
 * Errors: 101 to 109 for the domain.
 *
 * Ownership: `*entry` is the caller's; free it with mtasts_entry_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_cache_peek(const mtasts_cache *cache,
                                const char *domain,
                                uint64_t now,
                                mtasts_entry **entry,
                                mtasts_error **error);

/**
 * Applies what `outcome` says to remember of `domain` at the time `now`. `*evicted` becomes what had to go for it,
 * several entries where the policies took too much memory, or NULL; `evicted` may be NULL.
 *
 * Errors: 101 to 109 for the domain.
 *
 * Ownership: `*evicted` is the caller's; free it with mtasts_entries_free().
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
 * Remembers `entry`, which stays the caller's, in place of what was cached of `domain`: to load what was saved.
 * `*evicted` as in mtasts_cache_apply(). It counts as a use.
 *
 * Errors: 101 to 109 for the domain.
 *
 * Ownership: `*evicted` is the caller's; free it with mtasts_entries_free().
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
 * Forgets `domain`. Nothing remembered is no error.
 *
 * Errors: 101 to 109 for the domain.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_cache_remove(const mtasts_cache *cache, const char *domain, mtasts_error **error);

/**
 * Forgets the entry that expired first, at the time `now`; `*expired` becomes a list of that one, or NULL when none has
 * expired. There is no need to call it: expired entries are the first to go.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Ownership: `*expired` is the caller's; free it with mtasts_entries_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_cache_remove_expired(const mtasts_cache *cache,
                                          uint64_t now,
                                          mtasts_entries **expired);

/**
 * A domain whose policy is due for a refresh at the time `now`, the longest due first; `*domain` becomes NULL when none
 * is. Run a lookup for MTASTS_PURPOSE_REFRESH on what mtasts_cache_peek() gives, and mtasts_cache_apply() its outcome.
 *
 * A domain is not named again until then, or for 30 minutes. Errors: MTASTS_ERR_NULL.
 *
 * Ownership: `*domain` is the caller's; free it with mtasts_domain_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_cache_poll_refresh(const mtasts_cache *cache,
                                        uint64_t now,
                                        mtasts_domain **domain);

/**
 * When mtasts_cache_poll_refresh() next has something to do, in Unix seconds; a time in the past means now. The greatest
 * uint64_t when there is nothing to do, for NULL, and when poisoned. It may change with every call that names the cache.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_cache_poll_timeout(const mtasts_cache *cache);

/**
 * A copy of every domain and what is remembered of it, to save them: mtasts_entry_text() of each, under its
 * mtasts_entries_domain(). Loaded again in this order with mtasts_cache_insert(), they are as they were.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Ownership: `*entries` is the caller's; free it with mtasts_entries_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_cache_entries(const mtasts_cache *cache, mtasts_entries **entries);

/**
 * Frees a cache. NULL is fine. No other thread may use it any more.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_cache_free(mtasts_cache *cache);

/**
 * How many entries there are. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_entries_count(const mtasts_entries *entries);

/**
 * The domain of an entry, in their order from 0. NULL for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `entries` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_entries_domain(const mtasts_entries *entries, size_t index);

/**
 * An entry, in their order from 0. NULL for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `entries` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_entry *mtasts_entries_get(const mtasts_entries *entries, size_t index);

/**
 * Frees entries. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_entries_free(mtasts_entries *entries);

/**
 * What a message asks about TLS, one of the MTASTS_MESSAGE_ numbers, from its `facts`: the MTASTS_FACT_ flags that
 * hold for it, joined with |, or 0. Other bits count for nothing.
 *
 * REQUIRETLS beats the header field, and does not bind a message with a null reverse path (RFC 8689, 4).
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_message mtasts_message_tls(mtasts_message_facts facts);

/**
 * Whether a message says "TLS-Required: No", from the `count` values at `values` of all its header fields of that name:
 * 1 or 0. The field must stand once, and say nothing but "No". 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_tls_required_no(const mtasts_bytes *values,
                               size_t count);

/**
 * A delivery under what a lookup came to: its policy, none, or that it could not tell. The outcome stays the caller's
 * and may be freed before.
 *
 * Where DNS could not tell whether there is a policy, no host gets the message: to connect would be what an attacker wants
 * who suppresses the record (RFC 8461, 10.2). NULL counts as that. The caller frees the delivery with
 * mtasts_delivery_free(); NULL never comes back.
 *
 * Ownership: the result is the caller's.
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_delivery *mtasts_delivery_of(const mtasts_outcome *outcome);

/**
 * A delivery under `policy`, which stays the caller's and may be freed before. NULL counts as a policy that is not known,
 * as in mtasts_delivery_undetermined().
 *
 * The caller frees it with mtasts_delivery_free(); NULL never comes back.
 *
 * Ownership: the result is the caller's.
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_delivery *mtasts_delivery_under(const mtasts_policy *policy);

/**
 * A delivery to a domain that provably has no policy. Where that is not known, mtasts_delivery_undetermined().
 *
 * The caller frees it with mtasts_delivery_free(); NULL never comes back.
 *
 * Ownership: the result is the caller's.
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_delivery *mtasts_delivery_without_policy(void);

/**
 * A delivery to a domain of which it is not known whether it has a policy: it waits.
 *
 * The caller frees it with mtasts_delivery_free(); NULL never comes back.
 *
 * Ownership: the result is the caller's.
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_delivery *mtasts_delivery_undetermined(void);

/**
 * Sets what the message asks about TLS: `message` is one of the MTASTS_MESSAGE_ numbers.
 *
 * Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for any other number.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_delivery_set_message(mtasts_delivery *delivery, mtasts_message message);

/**
 * Sets what the operator demands of every session: `minimum` is one of the MTASTS_MINIMUM_ numbers. No policy lowers it.
 *
 * Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for any other number.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_delivery_set_minimum(mtasts_delivery *delivery,
                                          mtasts_minimum minimum);

/**
 * Sets what counts where a host has both DANE and a policy: `precedence` is one of the MTASTS_DANE_PRECEDENCE_ numbers.
 *
 * Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for any other number.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_delivery_set_dane_precedence(mtasts_delivery *delivery,
                                                  mtasts_dane_precedence precedence);

/**
 * Sets whether the message is a TLSRPT report (`is_report`, 0 or not): it goes out despite MTA-STS and DANE, and its sessions are not
 * counted (RFC 8460, 3 and 5.3.1).
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
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_delivery_free(mtasts_delivery *delivery);

/**
 * A host of the MX list, of which nothing is known but its `name`, as it came.
 *
 * A domain without MX records is its own single MX host, and so is a smart host. What is no host name, such as an
 * address, is no error: such a host is skipped where a policy is enforced or a certificate asked for, and gets the message
 * otherwise. Errors: MTASTS_ERR_NULL.
 *
 * Ownership: `*host` is the caller's; free it with mtasts_mx_host_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_mx_host_new(const char *name,
                                 mtasts_mx_host **host,
                                 mtasts_error **error);

/**
 * Sets what DNS says of DANE for the host, before a connection: `dane` is MTASTS_DANE_NOT_APPLICABLE, MTASTS_DANE_USABLE or
 * MTASTS_DANE_LOOKUP_FAILED. What the TLSA records say of its certificate, mtasts_check_session() is told.
 *
 * Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for any other number.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_mx_host_set_dane(mtasts_mx_host *host,
                                      mtasts_dane dane);

/**
 * Sets whether DNSSEC authenticates the name of the host (`authenticated`, 0 or not) (RFC 8689, 4.2.1).
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
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_mx_host_free(mtasts_mx_host *host);

/**
 * Decides about an MX host before a connection.
 *
 * For a sender that learns of its hosts one by one; who has the whole list, with what DANE says of each, takes mtasts_plan(),
 * whose verdicts are the same. A `*verdict` of an earlier call is overwritten and not freed: free it first.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Ownership: `*verdict` is the caller's; free it with mtasts_mx_verdict_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_check_mx(const mtasts_delivery *delivery,
                              const mtasts_mx_host *host,
                              mtasts_mx_verdict **verdict);

/**
 * Decides about every host of an MX list: `count` hosts at `hosts`, in their order, none left out.
 *
 * It gives what mtasts_check_mx() gives for each, and tells by mtasts_mx_plan_permits_none() where no connection is worth
 * while. A `*plan` of an earlier call is overwritten and not freed: free it first.
 *
 * Errors: MTASTS_ERR_NULL, also for a host that is NULL.
 *
 * Ownership: `*plan` is the caller's; free it with mtasts_mx_plan_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_plan(const mtasts_delivery *delivery,
                          const mtasts_mx_host *const *hosts,
                          size_t count,
                          mtasts_mx_plan **plan);

/**
 * How many hosts were decided about. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_mx_plan_count(const mtasts_mx_plan *plan);

/**
 * The verdict about a host, in their order from 0. NULL for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `plan` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_mx_verdict *mtasts_mx_plan_get(const mtasts_mx_plan *plan, size_t index);

/**
 * Whether no host may have the message: 1 or 0. There is nothing to connect to then: go to mtasts_conclude(). 0 for
 * NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_mx_plan_permits_none(const mtasts_mx_plan *plan);

/**
 * Frees a plan. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_mx_plan_free(mtasts_mx_plan *plan);

/**
 * What to do: one of the MTASTS_MX_ numbers. For NULL MTASTS_MX_SKIP.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_mx_decision mtasts_mx_verdict_decision(const mtasts_mx_verdict *verdict);

/**
 * Why the host is skipped: one of the MTASTS_FAULT_ numbers. 0 if it is not, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_mx_verdict_fault(const mtasts_mx_verdict *verdict);

/**
 * The host to authenticate: the DNS-ID that the certificate must be valid for, and with DANE the base of the TLSA records.
 * It belongs to MTASTS_MX_AUTHENTICATE, _AUTHENTICATE_BY_DANE and _AUTHENTICATE_BY_BOTH; NULL for the others, and for NULL.
 *
 * Ownership: the result belongs to `verdict` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_mx_verdict_dns_id(const mtasts_mx_verdict *verdict);

/**
 * How many rows TLSRPT counts already, of a host that is skipped. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_mx_verdict_row_count(const mtasts_mx_verdict *verdict);

/**
 * A row for TLSRPT, in their order from 0. NULL for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `verdict` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_tlsrpt_row *mtasts_mx_verdict_row_get(const mtasts_mx_verdict *verdict, size_t index);

/**
 * Frees a verdict that mtasts_check_mx() gave; those of a plan go with it. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_mx_verdict_free(mtasts_mx_verdict *verdict);

/**
 * Decides about a session, after the TLS attempt and the EHLO that follows it: `tls`, how the attempt ended, is one of the
 * MTASTS_TLS_ numbers; `dane_result`, what the TLSA records of the host say of its certificate, is one of the
 * MTASTS_DANE_RESULT_ numbers; `offers_requiretls`, whether that EHLO offered REQUIRETLS, is 0 or not.
 *
 * A host of MTASTS_DANE_USABLE gets the message only with MTASTS_DANE_RESULT_PASSED. Where `tls` says that there is no TLS
 * of version 1.2 or newer, `dane_result` must be MTASTS_DANE_RESULT_NOT_CHECKED. A `*verdict` of an earlier call is
 * overwritten and not freed: free it first.
 *
 * Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown number, and for a DANE result without such TLS: end the session
 * without the message.
 *
 * Ownership: `*verdict` is the caller's; free it with mtasts_session_verdict_free().
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
 * What to do: one of the MTASTS_SESSION_ numbers. For NULL MTASTS_SESSION_TRY_NEXT_MX.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_session_decision mtasts_session_verdict_decision(const mtasts_session_verdict *verdict);

/**
 * Why the session may not have the message: one of the MTASTS_FAULT_ numbers. 0 if it may, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_session_verdict_fault(const mtasts_session_verdict *verdict);

/**
 * How many rows TLSRPT counts, success too: one for each kind of policy that was looked at. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_session_verdict_row_count(const mtasts_session_verdict *verdict);

/**
 * A row for TLSRPT, in their order from 0. NULL for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `verdict` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_tlsrpt_row *mtasts_session_verdict_row_get(const mtasts_session_verdict *verdict, size_t index);

/**
 * Frees a verdict. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_session_verdict_free(mtasts_session_verdict *verdict);

/**
 * Under which kind of policy the row is counted: one of the MTASTS_POLICY_TYPE_ numbers. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_policy_type mtasts_tlsrpt_row_policy_type(const mtasts_tlsrpt_row *row);

/**
 * What went wrong: one of the MTASTS_TLSRPT_ numbers. 0 for a row that counts as a success, and for NULL.
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
 * Compares what a lookup for MTASTS_PURPOSE_BEFORE_PERMANENT_FAILURE came to with the policy of the `delivery`: one of the
 * MTASTS_RECHECK_ numbers, for mtasts_conclude(). MTASTS_RECHECK_NOT_CHECKED for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_recheck mtasts_delivery_recheck(const mtasts_delivery *delivery,
                                       const mtasts_outcome *outcome);

/**
 * Decides what becomes of the message when no MX host took it. For each of the `count` hosts that were tried or skipped, `hosts` has the
 * MTASTS_FAULT_ number of its verdict, or 0 if it could not be reached or answered with a temporary failure; `lifetime` is
 * one of the MTASTS_QUEUE_ numbers; `recheck` is MTASTS_RECHECK_NONE, or what mtasts_delivery_recheck() said after
 * MTASTS_CONCLUSION_RECHECK_POLICY. `*conclusion` becomes one of the MTASTS_CONCLUSION_ numbers.
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
 * The enhanced status code to return the message with: "5.4.7", "5.7.10", "5.7.30". NULL for a conclusion that is no
 * bounce. It lives as long as the process.
 *
 * Ownership: the result is the library's.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_conclusion_enhanced_status(mtasts_conclusion conclusion);

/**
 * The word of a `result_type`, as it stands in a report: "certificate-expired" for MTASTS_TLSRPT_CERTIFICATE_EXPIRED.
 *
 * NULL for a number that is none. It lives as long as the process.
 *
 * Ownership: the result is the library's.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_result_type_word(mtasts_result_type result_type);

/**
 * The word of a `policy_type`, as it stands in a report: "sts" for MTASTS_POLICY_TYPE_STS.
 *
 * NULL for a number that is none. It lives as long as the process.
 *
 * Ownership: the result is the library's.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_policy_type_word(mtasts_policy_type policy_type);

/**
 * Reads one TXT RR that asks for TLS reports: `len` octets at `txt`, its character-strings joined with nothing between.
 *
 * URIs that are of no use are passed over; of several "rua" all count, and beyond 8 URIs none.
 *
 * Errors: 1303 to 1311, with the octet. Such a domain gets no report.
 *
 * Ownership: `*record` is the caller's; free it with mtasts_tlsrpt_record_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_tlsrpt_record_parse(const uint8_t *txt,
                                         size_t len,
                                         mtasts_tlsrpt_record **record,
                                         mtasts_error **error);

/**
 * Picks the record out of an RRset: `count` TXT RRs at `rrs`, each with its character-strings joined.
 *
 * Errors: "no-tlsrpt-record" when no RR begins as a record, "several-tlsrpt-records" when two do; else as
 * mtasts_tlsrpt_record_parse(). All of them mean: send this domain no report.
 *
 * Ownership: `*record` is the caller's; free it with mtasts_tlsrpt_record_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_tlsrpt_record_select(const mtasts_bytes *rrs,
                                          size_t count,
                                          mtasts_tlsrpt_record **record,
                                          mtasts_error **error);

/**
 * To how many URIs the reports of a `record` go: 1 to 8. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_tlsrpt_record_uri_count(const mtasts_tlsrpt_record *record);

/**
 * A URI, in their order from 0: "mailto:" with a percent-encoded address, or an "https:" URL to POST to.
 * NULL for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `record` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_tlsrpt_record_uri_get(const mtasts_tlsrpt_record *record, size_t index);

/**
 * The address of a "mailto:" URI, percent-decoded and without its header fields, ready for a header field.
 * NULL for an "https:" URI, for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `record` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_tlsrpt_record_address_get(const mtasts_tlsrpt_record *record, size_t index);

/**
 * Frees a record. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_tlsrpt_record_free(mtasts_tlsrpt_record *record);

/**
 * Reads a report: `len` octets of JSON at `json`, not compressed, with the defaults of mtasts_report_parse_with().
 *
 * A report comes compressed with gzip (RFC 8460, 5.2). Unpack it with zlib's inflate(), windowBits 15 + 32, into a buffer of
 * 10 MiB and no more: what does not fit is not to be read, since a file of 10 KiB can unpack to 10 MiB. Where octets are left
 * behind Z_STREAM_END, go on with inflateReset(): a file of gzip may have several members.
 *
 * Errors: 1321 to 1328, with mtasts_error_path() and the octet; nothing of such a report counts.
 *
 * Ownership: `*report` is the caller's; free it with mtasts_report_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_parse(const uint8_t *json,
                                  size_t len,
                                  mtasts_report **report,
                                  mtasts_error **error);

/**
 * Reads a report: `len` octets of JSON at `json`, as closely as `grammar` asks, one of the MTASTS_REPORT_ numbers. One of more
 * than `max_len` octets (0 for the default, 10 MiB), `max_policies` policies (0: 1,000) or `max_failures` kinds of failures in
 * all of them (0: 20,000) is refused.
 *
 * Errors: as mtasts_report_parse(); with MTASTS_REPORT_STRICT, 1421 to 1458, one of the MTASTS_DEVIATION_ numbers;
 * MTASTS_ERR_ARGUMENT for an unknown grammar.
 *
 * Ownership: `*report` is the caller's; free it with mtasts_report_free().
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
 * Gives a `domain` to the policies of a report that have none: the one of its file name (RFC 8460, 5.1), which
 * mtasts_report_file_name_domain() tells. What the report itself says prevails.
 *
 * What was taken from the report before, policies and strings, must not be used any more. Errors: MTASTS_ERR_NULL, and
 * MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_set_missing_domains(mtasts_report *report,
                                                const char *domain);

/**
 * The organisation that reports: "organization-name". NULL if it is missing, and for NULL.
 *
 * Ownership: the result belongs to `report` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_organization(const mtasts_report *report);

/**
 * The mail address to ask: "contact-info". NULL if it is missing, and for NULL.
 *
 * Ownership: the result belongs to `report` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_contact(const mtasts_report *report);

/**
 * The domain of the contact, which must be that of the header field TLS-Report-Submitter (RFC 8460, 5.3). NULL if it is
 * missing, and for NULL.
 *
 * Ownership: the result belongs to `report` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_submitter(const mtasts_report *report);

/**
 * The "report-id": with the organisation and the period it tells a report that came twice. NULL if it is missing, and for
 * NULL.
 *
 * Ownership: the result belongs to `report` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_id(const mtasts_report *report);

/**
 * Whether the report says which time it is about: 1 or 0. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_report_has_period(const mtasts_report *report);

/**
 * The first second that the report is about, in Unix seconds. 0 without a period, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_report_start(const mtasts_report *report);

/**
 * The last second that the report is about, in Unix seconds. 0 without a period, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_report_end(const mtasts_report *report);

/**
 * How many sessions succeeded under all policies of the report. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_report_successes(const mtasts_report *report);

/**
 * How many sessions failed under all policies of the report. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_report_failures(const mtasts_report *report);

/**
 * How many policies the report tells of. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_report_policy_count(const mtasts_report *report);

/**
 * A policy of the report, in their order from 0. NULL for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `report` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_report_policy *mtasts_report_policy_get(const mtasts_report *report, size_t index);

/**
 * The kind of the policy: one of the MTASTS_POLICY_TYPE_ numbers. 0 for a word that RFC 8460 does not register, and for
 * NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_policy_type mtasts_report_policy_type(const mtasts_report_policy *policy);

/**
 * The kind of the policy, as the report says it: "policy-type". NULL for NULL.
 *
 * Ownership: the result belongs to `policy` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_policy_type_word(const mtasts_report_policy *policy);

/**
 * The domain that the policy is of, for DANE the MX host: "policy-domain". NULL if it is missing, and for NULL.
 *
 * Ownership: the result belongs to `policy` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_policy_domain(const mtasts_report_policy *policy);

/**
 * How many lines of the policy, or TLSA records, the report has: "policy-string". 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_report_policy_line_count(const mtasts_report_policy *policy);

/**
 * A line of the policy, in their order from 0. NULL for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `policy` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_policy_line_get(const mtasts_report_policy *policy, size_t index);

/**
 * How many mx patterns of the policy the report has: "mx-host". 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_report_policy_mx_count(const mtasts_report_policy *policy);

/**
 * An mx pattern of the policy, in their order from 0. NULL for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `policy` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_policy_mx_get(const mtasts_report_policy *policy, size_t index);

/**
 * How many sessions kept the policy: "total-successful-session-count". 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_report_policy_successes(const mtasts_report_policy *policy);

/**
 * How many sessions failed: "total-failure-session-count". 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_report_policy_failures(const mtasts_report_policy *policy);

/**
 * How many kinds of failures the policy has: "failure-details". 0 for NULL.
 *
 * A session may count in several, so their sessions may sum up to more than mtasts_report_policy_failures() (RFC 8460, 4).
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_report_policy_failure_count(const mtasts_report_policy *policy);

/**
 * A kind of failure under the policy, in their order from 0. NULL for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `policy` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_failure *mtasts_report_policy_failure_get(const mtasts_report_policy *policy, size_t index);

/**
 * What went wrong: one of the MTASTS_TLSRPT_ numbers; mtasts_hint_explain() says what it means. 0 for a word that RFC 8460 does
 * not register, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_result_type mtasts_failure_result_type(const mtasts_failure *failure);

/**
 * What went wrong, as the report says it: "result-type". NULL for NULL.
 *
 * Ownership: the result belongs to `failure` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_failure_result_word(const mtasts_failure *failure);

/**
 * How many sessions had it: "failed-session-count". 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_failure_sessions(const mtasts_failure *failure);

/**
 * The address of the sending mail server, or whatever stands in its place: "sending-mta-ip". NULL if it is missing, and for
 * NULL.
 *
 * Ownership: the result belongs to `failure` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_failure_sending_mta_ip(const mtasts_failure *failure);

/**
 * The name of the MX host, as in its MX record: "receiving-mx-hostname". NULL if it is missing, and for NULL.
 *
 * Ownership: the result belongs to `failure` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_failure_receiving_mx_hostname(const mtasts_failure *failure);

/**
 * What the MX host calls itself: "receiving-mx-helo". NULL if it is missing, and for NULL.
 *
 * Ownership: the result belongs to `failure` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_failure_receiving_mx_helo(const mtasts_failure *failure);

/**
 * The address of the MX host, or whatever stands in its place: "receiving-ip". NULL if it is missing, and for NULL.
 *
 * Ownership: the result belongs to `failure` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_failure_receiving_ip(const mtasts_failure *failure);

/**
 * The URI of a page that tells more: "additional-information". NULL if it is missing, and for NULL.
 *
 * Ownership: the result belongs to `failure` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_failure_additional_information(const mtasts_failure *failure);

/**
 * The reason, in words of the sender's own: "failure-reason-code". NULL if it is missing, and for NULL.
 *
 * Ownership: the result belongs to `failure` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_failure_reason_code(const mtasts_failure *failure);

/**
 * In how many places the report departs from RFC 8460 or from I-JSON: 256 at most, of more the last is
 * MTASTS_DEVIATION_MORE_DEVIATIONS. 0 for NULL, and for a report that was built.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_report_deviation_count(const mtasts_report *report);

/**
 * What is unusual there, in their order from 0: one of the MTASTS_DEVIATION_ numbers, with its mtasts_status_code() and its
 * mtasts_status_message(). 0 for NULL, and beyond the last.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_deviation_status(const mtasts_report *report,
                                             size_t index);

/**
 * The member where it is, as "policies[0].summary"; empty for the report as a whole. NULL for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `report` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_deviation_path(const mtasts_report *report,
                                         size_t index);

/**
 * The octet of the JSON where it was noticed, counted from 0. 0 for NULL, and beyond the last.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_report_deviation_offset(const mtasts_report *report, size_t index);

/**
 * The report as JSON: in one line, I-JSON, in the order of RFC 8460. Pack it with gzip before it is sent (RFC 8460, 5.2): zlib's
 * deflate(), windowBits 15 + 16, into as many octets as deflateBound() says.
 *
 * Errors: 1331 to 1340, with mtasts_error_path(): receivers would misread or refuse it.
 *
 * Ownership: `*json` is the caller's; free it with mtasts_text_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_json(const mtasts_report *report,
                                 mtasts_text **json,
                                 mtasts_error **error);

/**
 * Frees a report. NULL is fine. One that belongs to a due report goes with it.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_report_free(mtasts_report *report);

/**
 * Begins a report: of the `organization`, with the mail address `contact` for questions, and the report-id `id`, about the time
 * from `start` to `end`, in Unix seconds, both included.
 *
 * Whether that may be written, mtasts_report_json() says. Errors: MTASTS_ERR_ARGUMENT when it ends before it starts.
 *
 * Ownership: `*builder` is the caller's; free it with mtasts_report_builder_free().
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
 * Adds a policy behind the others: its `policy_type`, a word as mtasts_policy_type_word() gives it, its `domain`, and how many
 * sessions succeeded and failed under it: `successes`, `failures`.
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
 * Adds a `line` to the policy: of an MTA-STS policy as it was received, or a TLSA record. A line feed ends a line.
 *
 * Errors: MTASTS_ERR_TOO_EARLY without a policy; MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_add_line(mtasts_report_builder *builder,
                                             const char *line);

/**
 * Adds an mx `pattern` to the policy, as it stands in the MTA-STS policy.
 *
 * Errors: as mtasts_report_builder_add_line().
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_add_mx(mtasts_report_builder *builder, const char *pattern);

/**
 * Adds a kind of failure to the policy: its `result_type`, a word as mtasts_result_type_word() gives it, and how many `sessions` had
 * it. All else about it is left out unless it is set.
 *
 * Errors: as mtasts_report_builder_add_line().
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_add_failure(mtasts_report_builder *builder,
                                                const char *result_type,
                                                uint64_t sessions);

/**
 * Sets the `address` of the sending mail server, for the kind of failure that was added last.
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
 * Errors: as mtasts_report_builder_set_sending_mta_ip().
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_set_receiving_mx_hostname(mtasts_report_builder *builder,
                                                              const char *name);

/**
 * Sets what the MX host calls itself in its `greeting`, or in its answer to EHLO: the first word counts, 255 octets at most.
 *
 * Errors: as mtasts_report_builder_set_sending_mta_ip().
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_set_receiving_mx_helo(mtasts_report_builder *builder,
                                                          const char *greeting);

/**
 * Sets the `address` of the MX host.
 *
 * Errors: as mtasts_report_builder_set_sending_mta_ip().
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_set_receiving_ip(mtasts_report_builder *builder, const char *address);

/**
 * Sets the `uri` of a page that tells more.
 *
 * Errors: as mtasts_report_builder_set_sending_mta_ip().
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_set_additional_information(mtasts_report_builder *builder,
                                                               const char *uri);

/**
 * Sets the `reason`, a code of yours or a message: 128 octets at most, "?" for what is not printable ASCII.
 *
 * Errors: as mtasts_report_builder_set_sending_mta_ip().
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_set_failure_reason_code(mtasts_report_builder *builder,
                                                            const char *reason);

/**
 * The report as far as it is built; the builder begins no other, and is still to be freed.
 *
 * Errors: MTASTS_ERR_TOO_EARLY for a builder that has given its report before.
 *
 * Ownership: `*report` is the caller's; free it with mtasts_report_free().
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_builder_finish(mtasts_report_builder *builder, mtasts_report **report);

/**
 * Frees a builder, finished or not. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_report_builder_free(mtasts_report_builder *builder);

/**
 * A session with a host of `domain`, or one that its policy forbade: an event for each `row` of a verdict. `policy` is the
 * MTA-STS policy of the domain, or NULL; `mx_host` its MX host as the MX record has it, or NULL where that is no host name.
 * They stay the caller's and may be freed before.
 *
 * Errors: 101 to 109 for the domain and the host.
 *
 * Ownership: `*event` is the caller's; free it with mtasts_event_free().
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
 * A policy discovery of `domain` that failed, as its `outcome` tells; `*event` becomes NULL where there is nothing to report.
 * Make it once a lookup, beside the events of the sessions that follow.
 *
 * Errors: 101 to 109 for the domain.
 *
 * Ownership: `*event` is the caller's; free it with mtasts_event_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_event_of_outcome(const char *domain,
                                      const mtasts_outcome *outcome,
                                      mtasts_event **event,
                                      mtasts_error **error);

/**
 * Sets the TLSRPT `record` of the domain, its strings joined. With one that asks for no reports, nothing is counted; without one the
 * event is counted, and the record is asked for when the report is due.
 *
 * Errors: MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_event_set_record(mtasts_event *event,
                                      const char *record);

/**
 * Sets whether the message is itself a TLS report: `is_report` is 0 or not. Such a session is not counted (RFC 8460, 3), or two
 * domains would report to each other for ever.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_event_set_tlsrpt_report(mtasts_event *event,
                                             int32_t is_report);

/**
 * Sets what the MX host calls itself in its `greeting`, or in its answer to EHLO: the first word counts, the number of an answer
 * apart, 255 octets at most.
 *
 * Errors: MTASTS_ERR_ARGUMENT for an event that is no session; MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_event_set_helo(mtasts_event *event,
                                    const char *greeting);

/**
 * Sets the `address` that the session came from, as "192.0.2.1" or "2001:db8::1": the one that the world sees.
 *
 * Errors: as mtasts_event_set_helo(), and MTASTS_ERR_ARGUMENT for what is no IP address.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_event_set_sending_ip(mtasts_event *event,
                                          const char *address);

/**
 * Sets the `address` of the MX host.
 *
 * Errors: as mtasts_event_set_sending_ip().
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_event_set_receiving_ip(mtasts_event *event, const char *address);

/**
 * Sets the `reason`, where more is known than the code of the row: a word of your TLS library. Up to the first character that is not
 * printable ASCII, 128 octets at most.
 *
 * Errors: as mtasts_event_set_helo().
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_event_set_reason(mtasts_event *event,
                                      const char *reason);

/**
 * Sets the TLSA records of the MX host, which are told with what is counted under DANE: `count` strings at `records`, each
 * usage, selector, matching type and data in hexadecimal, a blank between two.
 *
 * Errors: as mtasts_event_set_helo().
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
 * Ownership: the result belongs to `event` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_event_domain(const mtasts_event *event);

/**
 * What the event is counted under: one of the MTASTS_POLICY_TYPE_ numbers. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_policy_type mtasts_event_policy_type(const mtasts_event *event);

/**
 * Whether the event is counted as a failed session: 1 or 0. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_event_has_failed(const mtasts_event *event);

/**
 * Frees an event; those of a datagram go with it. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_event_free(mtasts_event *event);

/**
 * Reads a datagram: `len` octets at `octets`, 65536 at most, as recv() gives them.
 *
 * Errors: 1341 to 1347. Any local program may write to the socket: count the fault, and go on.
 *
 * Ownership: `*datagram` is the caller's; free it with mtasts_datagram_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_datagram_parse(const uint8_t *octets,
                                    size_t len,
                                    mtasts_datagram **datagram,
                                    mtasts_error **error);

/**
 * A datagram about deliveries to `domain`, which has this TLSRPT `record`, its strings joined. Without an event it says nothing.
 *
 * Errors: 101 to 109 for the domain.
 *
 * Ownership: `*datagram` is the caller's; free it with mtasts_datagram_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_datagram_new(const char *domain,
                                  const char *record,
                                  mtasts_datagram **datagram,
                                  mtasts_error **error);

/**
 * Adds an event of the same domain, which stays the caller's; its own record does not count. 1 if it was added; 0 if not, and for
 * NULL.
 *
 * A datagram has no word for a policy discovery that failed beside a cached policy, since each of its policies stands for a
 * session; nor for a session of a TLS report, which is not counted. What mtasts_datagram_event_get() gave before must not be used
 * any more.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
int32_t mtasts_datagram_add(mtasts_datagram *datagram,
                            const mtasts_event *event);

/**
 * Sets the `address` that all sessions of the datagram came from, as "192.0.2.1": the one that the world sees of a host behind a
 * NAT. What is written stays as it was. What mtasts_datagram_event_get() gave before must not be used any more.
 *
 * Errors: MTASTS_ERR_NULL, MTASTS_ERR_ARGUMENT for what is no IP address.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_datagram_set_sending_ip(mtasts_datagram *datagram,
                                             const char *address);

/**
 * The recipient domain. NULL for NULL.
 *
 * Ownership: the result belongs to `datagram` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_datagram_domain(const mtasts_datagram *datagram);

/**
 * The TLSRPT record of the domain, as the sender saw it. NULL for NULL.
 *
 * Ownership: the result belongs to `datagram` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_datagram_record(const mtasts_datagram *datagram);

/**
 * How many events the datagram tells: one a policy. 0 for NULL, and when poisoned.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_datagram_event_count(const mtasts_datagram *datagram);

/**
 * An event, in their order from 0, with the record of the datagram. NULL for NULL, beyond the last, and when poisoned.
 *
 * Ownership: the result belongs to `datagram` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_event *mtasts_datagram_event_get(const mtasts_datagram *datagram,
                                              size_t index);

/**
 * The datagram as libtlsrpt writes it, of version 1, ready to be sent.
 *
 * Errors: "datagram-without-policy" and "datagram-too-long": send none.
 *
 * Ownership: `*json` is the caller's; free it with mtasts_text_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_datagram_json(const mtasts_datagram *datagram, mtasts_text **json, mtasts_error **error);

/**
 * Frees a datagram. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_datagram_free(mtasts_datagram *datagram);

/**
 * The sender with the mail address `contact`, a plain one such as "tls-reports@example.com", and the name `organization`, 255 octets
 * at most. The submitter is the domain of the address, always (RFC 8460, 5.3).
 *
 * Errors: 1361 and 1362. It is a mistake of the configuration: say so, and send no reports.
 *
 * Ownership: `*sender` is the caller's; free it with mtasts_report_sender_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_sender_new(const char *contact,
                                       const char *organization,
                                       mtasts_report_sender **sender,
                                       mtasts_error **error);

/**
 * The domain that reports come from: lower case, A-labels. NULL for NULL.
 *
 * Ownership: the result belongs to `sender` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_sender_submitter(const mtasts_report_sender *sender);

/**
 * The mail address, its domain in lower case and A-labels. NULL for NULL.
 *
 * Ownership: the result belongs to `sender` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_sender_contact(const mtasts_report_sender *sender);

/**
 * The name of the organisation. NULL for NULL.
 *
 * Ownership: the result belongs to `sender` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_sender_organization(const mtasts_report_sender *sender);

/**
 * Frees a sender. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_report_sender_free(mtasts_report_sender *sender);

/**
 * A tally that has counted nothing, for reports of `sender`, which may be freed before. It counts at most `max_domains` domains in a
 * day (0 for the default, 65536) in `max_octets` octets of memory (0 for the default, 64 MiB).
 *
 * Take `seed` from a source of random numbers, keep it to yourself, and keep it over restarts: it keys the hash of the names,
 * which come from strangers, and sets when the report of a domain is due.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Ownership: `*tally` is the caller's; free it with mtasts_tally_free().
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_tally_new(uint64_t seed,
                               const mtasts_report_sender *sender,
                               size_t max_domains,
                               size_t max_octets,
                               mtasts_tally **tally);

/**
 * Reads the text of a tally: `len` octets at `text`, as mtasts_tally_text() wrote it; `seed`, `sender`, `max_domains` and
 * `max_octets` are as in mtasts_tally_new().
 *
 * Errors: 1351 to 1354, with line and octet: keep the text for whoever looks into it, and begin with an empty tally.
 *
 * Ownership: `*tally` is the caller's; free it with mtasts_tally_free().
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
 * The tally as text: keep it in a file, and read it with mtasts_tally_parse(). It names the domains that mail went to, so let
 * nobody else read it.
 *
 * Errors: MTASTS_ERR_NULL, MTASTS_ERR_POISONED.
 *
 * Ownership: `*text` is the caller's; free it with mtasts_text_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_tally_text(const mtasts_tally *tally,
                                mtasts_text **text);

/**
 * Counts an event at the time `now`, in Unix seconds: one of the MTASTS_COUNTED_ numbers. 0 for NULL, and when poisoned.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_counted mtasts_tally_count(mtasts_tally *tally,
                                  const mtasts_event *event,
                                  uint64_t now);

/**
 * Counts all events of a datagram at the time `now`, in Unix seconds: how many were counted. 0 for NULL, and when poisoned.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
size_t mtasts_tally_count_datagram(mtasts_tally *tally,
                                   const mtasts_datagram *datagram,
                                   uint64_t now);

/**
 * The word of one of the MTASTS_COUNTED_ numbers, `counted`, for logs and metrics: "whole", "folded", or why not, as
 * "too-many-domains". NULL for a number that is none. It lives as long as the process.
 *
 * Ownership: the result is the library's.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_counted_word(mtasts_counted counted);

/**
 * Adds what the tally `other` has counted and not yet delivered, day by day. It stays as it is: a tally that is merged twice counts
 * twice. What has no room is lost, see mtasts_tally_lost_sessions().
 *
 * Errors: MTASTS_ERR_NULL, MTASTS_ERR_POISONED; MTASTS_ERR_ARGUMENT where both are the same.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_tally_merge(mtasts_tally *tally,
                                 const mtasts_tally *other);

/**
 * Notes that a report was mailed to `domain` at the time `now`: not the domain that it is about, but that of the address. Call it at
 * each try, so that nobody gets a report about nothing but reports (RFC 8460, 3).
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
 * The next report that is due at the time `now`, in Unix seconds; `*due` becomes NULL when none is.
 *
 * It is due again, as if its delivery had failed, unless mtasts_tally_handle_delivery() says what came of it; so a process that
 * dies meanwhile loses none. Errors: MTASTS_ERR_NULL, MTASTS_ERR_POISONED.
 *
 * Ownership: `*due` is the caller's; free it with mtasts_due_report_free().
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_tally_poll_report(mtasts_tally *tally,
                                       uint64_t now,
                                       mtasts_due_report **due);

/**
 * When the next report is due, in Unix seconds; a time in the past means now. The greatest uint64_t when none is, for NULL, and
 * when poisoned. It may change with every call that names the tally.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_tally_poll_timeout(const mtasts_tally *tally);

/**
 * Takes note of what came of a delivery at the time `now`: `delivery` is one of the MTASTS_REPORT_DELIVERY_ numbers. `due` stays the
 * caller's. `*retry_at` becomes the time at which the report is due again, in Unix seconds, or the greatest uint64_t where that is
 * never; `retry_at` may be NULL.
 *
 * After a failure that is 5, 15 and 45 minutes, 2, 5 and 15 hours after the try before. A report that is not known any more
 * changes nothing. Errors: MTASTS_ERR_NULL, MTASTS_ERR_POISONED; MTASTS_ERR_ARGUMENT for any other number.
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
 * Whether nothing waits to be reported: 1 or 0. 0 for NULL, and when poisoned.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_tally_is_empty(const mtasts_tally *tally);

/**
 * How many domains have been counted on the day of UTC that has the time `day`, in Unix seconds. 0 for NULL, and when poisoned.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_tally_domains(const mtasts_tally *tally,
                            uint64_t day);

/**
 * How many octets all counts take in memory. 0 for NULL, and when poisoned.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_tally_octets(const mtasts_tally *tally);

/**
 * How many sessions were lost since a merge, a text, or a clock that was set right, found no room for them. 0 for NULL, and when
 * poisoned.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_tally_lost_sessions(const mtasts_tally *tally);

/**
 * Frees a tally. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_tally_free(mtasts_tally *tally);

/**
 * The domain that the report is about and goes to. NULL for NULL.
 *
 * Ownership: the result belongs to `due` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_due_report_domain(const mtasts_due_report *due);

/**
 * The TLSRPT record of the domain that was seen last; NULL if none was, and for NULL.
 *
 * Ask for it anew: when it is gone, the domain wants no report (MTASTS_REPORT_DELIVERY_REFUSED); when DNS cannot tell, this one
 * counts. mtasts_tlsrpt_record_parse() reads it.
 *
 * Ownership: the result belongs to `due` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_due_report_record(const mtasts_due_report *due);

/**
 * The report. mtasts_report_mail_new() makes the mail of it, and mtasts_report_json() what is attached, or posted to an "https:" URI as
 * "application/tlsrpt+gzip". NULL for NULL.
 *
 * Ownership: the result belongs to `due` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_report *mtasts_due_report_report(const mtasts_due_report *due);

/**
 * Which try of a `due` report it is, counted from 1. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint32_t mtasts_due_report_attempt(const mtasts_due_report *due);

/**
 * Frees a due report; the tally keeps what it counted. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_due_report_free(mtasts_due_report *due);

/**
 * The mail that brings `report` about `domain` from `sender`; all of them stay the caller's. Of a report that is due, these are
 * mtasts_due_report_report() and mtasts_due_report_domain().
 *
 * Errors: 1366 to 1368, which no report of a tally has: no receiver would take it for the report of this sender. 101 to 109 for
 * the domain.
 *
 * Ownership: `*mail` is the caller's; free it with mtasts_report_mail_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_mail_new(const mtasts_report *report,
                                     const char *domain,
                                     const mtasts_report_sender *sender,
                                     mtasts_report_mail **mail,
                                     mtasts_error **error);

/**
 * The value of the header field Subject, in one line: fold it where it is longer than 998 octets. NULL for NULL.
 *
 * Ownership: the result belongs to `mail` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_mail_subject(const mtasts_report_mail *mail);

/**
 * How many header fields the mail has besides: TLS-Report-Domain, TLS-Report-Submitter, that it was made by a program (RFC 3834),
 * and that it is to go out whatever TLS comes to (RFC 8689, 3). 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_report_mail_header_count(const mtasts_report_mail *mail);

/**
 * The name of a header field, in their order from 0. NULL for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `mail` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_mail_header_name(const mtasts_report_mail *mail, size_t index);

/**
 * The value of a header field, in their order from 0. NULL for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `mail` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_mail_header_value(const mtasts_report_mail *mail, size_t index);

/**
 * The Content-Type of the whole mail: add a semicolon and your boundary. NULL for NULL.
 *
 * Ownership: the result belongs to `mail` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_mail_content_type(const mtasts_report_mail *mail);

/**
 * What a person reads: totals, and what failed; lines of at most 78 characters, but for names that are longer, ended by line
 * feeds. NULL for NULL.
 *
 * Ownership: the result belongs to `mail` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_mail_text(const mtasts_report_mail *mail);

/**
 * The name of the attached file. NULL for NULL.
 *
 * Ownership: the result belongs to `mail` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_mail_file_name(const mtasts_report_mail *mail);

/**
 * The type of the attached file: "application/tlsrpt+gzip". NULL for NULL.
 *
 * Ownership: the result belongs to `mail` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_mail_media_type(const mtasts_report_mail *mail);

/**
 * Frees what is particular to a mail. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_report_mail_free(mtasts_report_mail *mail);

/**
 * Reads the `value` of a header field Subject, folded or not, its words decoded; `*subject` becomes NULL for that of another mail.
 *
 * Errors: MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Ownership: `*subject` is the caller's; free it with mtasts_report_subject_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_subject_parse(const char *value,
                                          mtasts_report_subject **subject,
                                          mtasts_error **error);

/**
 * The domain that the report is about. NULL for NULL.
 *
 * Ownership: the result belongs to `subject` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_subject_domain(const mtasts_report_subject *subject);

/**
 * The domain that the report comes from. NULL for NULL.
 *
 * Ownership: the result belongs to `subject` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_subject_submitter(const mtasts_report_subject *subject);

/**
 * The Report-ID, without angle brackets; some senders have another one in the report. NULL for NULL.
 *
 * Ownership: the result belongs to `subject` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_subject_report_id(const mtasts_report_subject *subject);

/**
 * Frees a subject. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_report_subject_free(mtasts_report_subject *subject);

/**
 * Reads the `name` of a file; `*file_name` becomes NULL for that of another file.
 *
 * Errors: MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Ownership: `*file_name` is the caller's; free it with mtasts_report_file_name_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_report_file_name_parse(const char *name,
                                            mtasts_report_file_name **file_name,
                                            mtasts_error **error);

/**
 * The domain that the report comes from. NULL for NULL.
 *
 * Ownership: the result belongs to `file_name` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_file_name_submitter(const mtasts_report_file_name *file_name);

/**
 * The domain that the report is about, for mtasts_report_set_missing_domains(). NULL for NULL.
 *
 * Ownership: the result belongs to `file_name` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_file_name_domain(const mtasts_report_file_name *file_name);

/**
 * The first second that the report is about, in Unix seconds. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_report_file_name_start(const mtasts_report_file_name *file_name);

/**
 * The last second that the report is about, in Unix seconds. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_report_file_name_end(const mtasts_report_file_name *file_name);

/**
 * What tells two files about the same time apart. NULL where the name has none, and for NULL.
 *
 * Ownership: the result belongs to `file_name` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_file_name_unique_id(const mtasts_report_file_name *file_name);

/**
 * Whether the name says that the file is compressed with gzip: 1 or 0. 0 for NULL. The file itself tells better: it begins with
 * the octets 1f 8b then.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_report_file_name_is_compressed(const mtasts_report_file_name *file_name);

/**
 * The name, written anew. NULL for NULL.
 *
 * Ownership: the result belongs to `file_name` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_report_file_name_text(const mtasts_report_file_name *file_name);

/**
 * Frees the reading of a file name. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_report_file_name_free(mtasts_report_file_name *file_name);

/**
 * Explains a failure of a report by its `policy_type`, one of the MTASTS_POLICY_TYPE_ numbers, its `result_type`, one of the
 * MTASTS_TLSRPT_ numbers, and its failure-reason-code, `reason`. 0 stands for a word that RFC 8460 does not register, as
 * mtasts_failure_result_type() gives it; `reason` may be NULL.
 *
 * Reasons are words of the sender's own: known are those of this library, Postfix, OpenSSL, Microsoft, mox, Stalwart and of
 * programs in Go. Errors: MTASTS_ERR_ARGUMENT for any other number; MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Ownership: `*hint` is the caller's; free it with mtasts_hint_free().
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_hint_explain(mtasts_policy_type policy_type,
                                  mtasts_result_type result_type,
                                  const char *reason,
                                  mtasts_hint **hint,
                                  mtasts_error **error);

/**
 * The hint with this `code`, of these and of the codes of findings; `*hint` becomes NULL for any other.
 *
 * Errors: MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Ownership: `*hint` is the caller's; free it with mtasts_hint_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_hint_from_code(const char *code, mtasts_hint **hint, mtasts_error **error);

/**
 * The stable word of the hint, as "chain-incomplete": the same for the same fault, whatever the sender calls it. NULL for NULL.
 *
 * Ownership: the result belongs to `hint` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_hint_code(const mtasts_hint *hint);

/**
 * Who can mend it: one of the MTASTS_WHOSE_ numbers. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_whose mtasts_hint_whose(const mtasts_hint *hint);

/**
 * The word of one of the MTASTS_WHOSE_ numbers, `whose`: "owner", "sender" or "unclear". NULL for a number that is none. It lives as
 * long as the process.
 *
 * Ownership: the result is the library's.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_whose_word(mtasts_whose whose);

/**
 * What happened, as one English sentence. NULL for NULL.
 *
 * Ownership: the result belongs to `hint` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_hint_cause(const mtasts_hint *hint);

/**
 * What to do, as one English sentence. NULL for NULL.
 *
 * Ownership: the result belongs to `hint` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_hint_fix(const mtasts_hint *hint);

/**
 * Frees a hint; one that belongs to a readiness goes with it. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_hint_free(mtasts_hint *hint);

/**
 * A question about the `policy` of `domain`, in mode testing; both stay the caller's and may be freed before.
 *
 * Errors: 101 to 109 for the domain.
 *
 * Ownership: `*ready` is the caller's; free it with mtasts_ready_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_ready_new(const char *domain,
                               const mtasts_policy *policy,
                               mtasts_ready **ready,
                               mtasts_error **error);

/**
 * Sets since when the policy has this list of mx, `time`, in Unix seconds. Where it is not set, reports must tell.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_ready_set_since(mtasts_ready *ready,
                                     uint64_t time);

/**
 * Sets when a fault of the domain was mended last, `time`, in Unix seconds. Failures of that day count as from before.
 *
 * Errors: MTASTS_ERR_NULL.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_ready_set_mended_at(mtasts_ready *ready,
                                         uint64_t time);

/**
 * Sets what a check sees of the policy now: `fault`, the mtasts_hint_code() of why it cannot be fetched, or NULL if it can.
 *
 * Errors: MTASTS_ERR_ARGUMENT for what is no code of a hint; MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_ready_set_policy_fault(mtasts_ready *ready,
                                            const char *fault);

/**
 * Adds an MX host as a check sees it now: its `name`, the mtasts_hint_code() of its `fault`, or NULL if it passes, the time
 * `expires_at` at which its certificate expires, in Unix seconds, 0 if that is not known, and whether an earlier check saw another
 * certificate, `renewal_seen`, 0 or not: it renews then, and its end is no concern.
 *
 * Every name in the MX records belongs here; without MX records, the domain's own. Errors: 101 to 109 for the name;
 * MTASTS_ERR_ARGUMENT for what is no code of a hint.
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
 * Adds a host, `name`, that is accepted although reports name it and it is no MX host in DNS.
 *
 * Errors: 101 to 109 for the name.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_ready_add_accepted(mtasts_ready *ready, const char *name, mtasts_error **error);

/**
 * Sets a limit of a condition, one of the MTASTS_READY_LIMIT_ numbers, to `value`; beyond 2^32 - 1 it counts as that, but for
 * sessions.
 *
 * Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for any other `limit`.
 *
 * Threads: one at a time with the same object.
 * Since: 0.1.0
 */
mtasts_status mtasts_ready_set_limit(mtasts_ready *ready,
                                     mtasts_ready_limit limit,
                                     uint64_t value);

/**
 * Answers the question at the time `now`, in Unix seconds, by `count` reports at `reports`, in any order; they stay the caller's, and so
 * does the question.
 *
 * Anybody can write a report: hand in those only that you believe. Reports may be of any domain; a report that came twice counts
 * once. Errors: MTASTS_ERR_NULL, for a report too; MTASTS_ERR_POISONED.
 *
 * Ownership: `*readiness` is the caller's; free it with mtasts_readiness_free().
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
 * Frees a question. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_ready_free(mtasts_ready *ready);

/**
 * The stable word of a condition, `rule`, as "enough-days". NULL for a number that is none. It lives as long as the process.
 *
 * Ownership: the result is the library's.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_ready_rule_word(mtasts_ready_rule rule);

/**
 * What a condition, `rule`, asks for, as one English sentence. NULL for a number that is none. It lives as long as the process.
 *
 * Ownership: the result is the library's.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_ready_rule_message(mtasts_ready_rule rule);

/**
 * Whether to enforce: MTASTS_READY_YES, MTASTS_READY_NOT_YET or MTASTS_READY_BLOCKED. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_ready_verdict mtasts_readiness_verdict(const mtasts_readiness *readiness);

/**
 * With MTASTS_READY_NOT_YET, the first day on which all conditions may be met, if all faults are mended now and no other comes: its
 * first second, in Unix seconds. 0 otherwise, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_readiness_earliest(const mtasts_readiness *readiness);

/**
 * Whether a condition, `rule`, is met: 1 or 0. 0 for a number that is none, and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
int32_t mtasts_readiness_is_met(const mtasts_readiness *readiness, mtasts_ready_rule rule);

/**
 * How many things are missing. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_readiness_shortfall_count(const mtasts_readiness *readiness);

/**
 * Something that is missing, in the order of the conditions from 0. NULL for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `readiness` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_shortfall *mtasts_readiness_shortfall_get(const mtasts_readiness *readiness, size_t index);

/**
 * For how many full days the list of MX hosts has been served. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_readiness_days(const mtasts_readiness *readiness);

/**
 * How many organisations have reported successes under the policy. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_readiness_submitters(const mtasts_readiness *readiness);

/**
 * How many sessions succeeded under the policy. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_readiness_sessions(const mtasts_readiness *readiness);

/**
 * How many of them on days after the last failure of the domain's own, and after its mending: without a failure in n of them, fewer
 * than 3/n fail, with 95 % confidence. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_readiness_clean_sessions(const mtasts_readiness *readiness);

/**
 * How many sessions more were reported by senders that do not verify in mode testing. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_readiness_unverified_sessions(const mtasts_readiness *readiness);

/**
 * How many reports were passed over, for want of a period that can be true. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_readiness_unusable_reports(const mtasts_readiness *readiness);

/**
 * How much the answer rests upon, as "no failure of yours in 4212 sessions: fewer than 0.08 % fail, at 95 % confidence". NULL for
 * NULL.
 *
 * Ownership: the result belongs to `readiness` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_readiness_evidence(const mtasts_readiness *readiness);

/**
 * Frees a readiness. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_readiness_free(mtasts_readiness *readiness);

/**
 * The condition that lacks it: one of the MTASTS_READY_RULE_ numbers. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_ready_rule mtasts_shortfall_rule(const mtasts_shortfall *shortfall);

/**
 * A stable word for it, as "few-submitters". NULL for NULL.
 *
 * Ownership: the result belongs to `shortfall` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_shortfall_code(const mtasts_shortfall *shortfall);

/**
 * The MX host that it is about. NULL for none, and for NULL.
 *
 * Ownership: the result belongs to `shortfall` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_shortfall_host(const mtasts_shortfall *shortfall);

/**
 * The fault that it is about. NULL for none, and for NULL.
 *
 * Ownership: the result belongs to `shortfall` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_hint *mtasts_shortfall_hint(const mtasts_shortfall *shortfall);

/**
 * What is missing, as one English sentence. Of what reports say nothing stands there that a terminal would act upon. NULL for NULL.
 *
 * Ownership: the result belongs to `shortfall` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_shortfall_message(const mtasts_shortfall *shortfall);

/**
 * What to do, as one English sentence. NULL for NULL.
 *
 * Ownership: the result belongs to `shortfall` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_shortfall_fix(const mtasts_shortfall *shortfall);

/**
 * The first day on which it may be there, if it is mended now: its first second, in Unix seconds. 0 where the owner has to decide,
 * and for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
uint64_t mtasts_shortfall_earliest(const mtasts_shortfall *shortfall);

/**
 * Findings about a policy: `len` octets at `body`, held to one of the MTASTS_STRICTNESS_ numbers.
 *
 * What is wrong with the policy is no error of the call: it is a finding.
 *
 * Errors: MTASTS_ERR_ARGUMENT for an unknown strictness.
 *
 * Ownership: `*findings` is the caller's; free it with mtasts_findings_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_lint_policy(const uint8_t *body,
                                 size_t len,
                                 mtasts_strictness strictness,
                                 mtasts_findings **findings,
                                 mtasts_error **error);

/**
 * Findings about a policy, as mtasts_lint_policy() gives them for `body`, `len` and `strictness`, whose domain has these MX
 * hosts: `count` names at `mx_hosts`. Those that no pattern covers are told.
 *
 * Errors: as mtasts_lint_policy(), and 101 to 109 for a host.
 *
 * Ownership: `*findings` is the caller's; free it with mtasts_findings_free().
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
 * Findings about a record: one TXT RR of `len` octets at `txt`, its character-strings joined.
 *
 * Errors: MTASTS_ERR_NULL and MTASTS_ERR_ARGUMENT alone.
 *
 * Ownership: `*findings` is the caller's; free it with mtasts_findings_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_lint_record(const uint8_t *txt,
                                 size_t len,
                                 mtasts_findings **findings,
                                 mtasts_error **error);

/**
 * Findings about an RRset: `count` TXT RRs at `rrs`. The line of a finding is the number of the RR.
 *
 * Errors: MTASTS_ERR_NULL and MTASTS_ERR_ARGUMENT alone.
 *
 * Ownership: `*findings` is the caller's; free it with mtasts_findings_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_lint_rrset(const mtasts_bytes *rrs,
                                size_t count,
                                mtasts_findings **findings,
                                mtasts_error **error);

/**
 * Findings about a TLSRPT record: one TXT RR of `len` octets at `txt`, its character-strings joined.
 *
 * Errors: MTASTS_ERR_NULL and MTASTS_ERR_ARGUMENT alone.
 *
 * Ownership: `*findings` is the caller's; free it with mtasts_findings_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_lint_tlsrpt_record(const uint8_t *txt,
                                        size_t len,
                                        mtasts_findings **findings,
                                        mtasts_error **error);

/**
 * Findings about the RRset under "_smtp._tls": `count` TXT RRs at `rrs`. The line of a finding is the number of the RR.
 *
 * What you know besides is told too: the `domain`, or NULL; the `ttl` of the records in seconds as the name server of
 * the zone says, or a negative number; 1 for `has_mta_sts` where the domain has an MTA-STS record.
 *
 * Errors: 101 to 109 for the domain, MTASTS_ERR_NULL and MTASTS_ERR_ARGUMENT.
 *
 * Ownership: `*findings` is the caller's; free it with mtasts_findings_free().
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
 * Findings about the answer of a Policy Host, its policy included: `status`, `content_type`, `body`, `len` and `config`
 * as mtasts_policy_from_response() takes them.
 *
 * Errors: MTASTS_ERR_NULL and MTASTS_ERR_ARGUMENT alone.
 *
 * Ownership: `*findings` is the caller's; free it with mtasts_findings_free().
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
 * Findings about the answer of a Policy Host, as mtasts_lint_response() gives them for `status`, `content_type`, `body`, `len`
 * and `config`, whose domain has these MX hosts: `count` names at `mx_hosts`.
 *
 * Errors: as mtasts_lint_response(), and 101 to 109 for a host.
 *
 * Ownership: `*findings` is the caller's; free it with mtasts_findings_free().
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
 * How many findings there are. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_findings_count(const mtasts_findings *findings);

/**
 * A finding, in their order from 0. NULL for NULL, and beyond the last.
 *
 * Ownership: the result belongs to `findings` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const mtasts_finding *mtasts_findings_get(const mtasts_findings *findings, size_t index);

/**
 * Frees findings. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_findings_free(mtasts_findings *findings);

/**
 * What a finding is about: a fault that stops a parser, by its MTASTS_ERR_ number, or one of the MTASTS_LINT_ numbers.
 * 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_finding_status(const mtasts_finding *finding);

/**
 * The stable word of a finding, as mtasts_status_code() gives it. NULL for NULL.
 *
 * Ownership: the result belongs to `finding` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_finding_code(const mtasts_finding *finding);

/**
 * How much a finding matters: one of the MTASTS_SEVERITY_ numbers, the worst the greatest. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_severity mtasts_finding_severity(const mtasts_finding *finding);

/**
 * The line of the text, counted from 1; of an RRset, the RR. 0 for NULL.
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
 * The octet after the last that a finding is about; the first, where a finding is about a place. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_finding_end(const mtasts_finding *finding);

/**
 * What is wrong, as one English sentence, safe to print. NULL for NULL.
 *
 * Ownership: the result belongs to `finding` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_finding_message(const mtasts_finding *finding);

/**
 * What senders make of it, as one English sentence. NULL for NULL.
 *
 * Ownership: the result belongs to `finding` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_finding_senders(const mtasts_finding *finding);

/**
 * How to mend it, as one English sentence. NULL for NULL.
 *
 * Ownership: the result belongs to `finding` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_finding_help(const mtasts_finding *finding);

/**
 * What to tell Postfix about mail to `domain`: the patterns of its `policy`, in the `form` of one of the MTASTS_POSTFIX_ numbers.
 *
 * There is no answer in mode none, and in mode testing only in MTASTS_POSTFIX_EXTENDED_WITH_TESTING.
 *
 * Errors: 1201 to 1204: give a temporary answer, so that mail waits. 101 to 109 for the domain, MTASTS_ERR_ARGUMENT for
 * an unknown form.
 *
 * Ownership: `*answer` is the caller's; free it with mtasts_postfix_answer_free().
 * Threads: any, at once.
 * Since: 0.1.0
 */
mtasts_status mtasts_postfix_tls_policy(const mtasts_policy *policy,
                                        const char *domain,
                                        mtasts_postfix_form form,
                                        mtasts_postfix_answer **answer,
                                        mtasts_error **error);

/**
 * What to tell Postfix about mail to `domain`: those of its MX hosts, `count` names at `mx_hosts`, that its `policy`
 * covers, in one of the MTASTS_POSTFIX_ forms: `form`.
 *
 * Errors: as mtasts_postfix_tls_policy(), and "no-permitted-host" when the policy covers none of them; 101 to 109 also
 * for a host.
 *
 * Ownership: `*answer` is the caller's; free it with mtasts_postfix_answer_free().
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
 * The answer: what follows "OK " in the socketmap protocol. NULL when there is none ("NOTFOUND"), and for NULL.
 *
 * Ownership: the result belongs to `answer` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_postfix_answer_text(const mtasts_postfix_answer *answer);

/**
 * Frees an answer. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_postfix_answer_free(mtasts_postfix_answer *answer);

/**
 * The text, in UTF-8 and with its NUL behind it. NULL for NULL.
 *
 * Ownership: the result belongs to `text` and lives as long.
 * Threads: any, at once.
 * Since: 0.1.0
 */
const char *mtasts_text_string(const mtasts_text *text);

/**
 * How many octets the text has, without its NUL. 0 for NULL.
 *
 * Threads: any, at once.
 * Since: 0.1.0
 */
size_t mtasts_text_len(const mtasts_text *text);

/**
 * Frees a text. NULL is fine.
 *
 * Ownership: the object is the library's from here on.
 * Threads: one; no other uses the object any more.
 * Since: 0.1.0
 */
void mtasts_text_free(mtasts_text *text);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MTASTS_H */
