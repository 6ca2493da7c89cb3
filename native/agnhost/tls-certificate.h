/* For 127.0.0.1, ::1, localhost and example.com, until 2085; the key is no secret, as the image's own is none. */
#ifndef TLS_CERTIFICATE_H
#define TLS_CERTIFICATE_H

static const char built_in_certificate[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIByTCCAXCgAwIBAgIUPFlMFSqbhxBbjF77RUGAiiXhJIQwCgYIKoZIzj0EAwIw\n"
	"GzEZMBcGA1UECgwQYWduaG9zdCBvZiBhIGxhYjAgFw0yNjExMjYxNzQxNTVaGA8y\n"
	"MDg1MTAwNzE3NDE1NVowGzEZMBcGA1UECgwQYWduaG9zdCBvZiBhIGxhYjBZMBMG\n"
	"ByqGSM49AgEGCCqGSM49AwEHA0IABI1uAdrp+zglAZmOo6uUQJfN9usQWoeZuqmn\n"
	"rAUicHEqxg11VvETLVBvblV618/6B7HeLvH8qI4aLpuveGa5qEmjgY8wgYwwHQYD\n"
	"VR0OBBYEFBbpoj2frF8FuZRUCLJ7wyl9xHojMB8GA1UdIwQYMBaAFBbpoj2frF8F\n"
	"uZRUCLJ7wyl9xHojMA8GA1UdEwEB/wQFMAMBAf8wOQYDVR0RBDIwMIIJbG9jYWxo\n"
	"b3N0ggtleGFtcGxlLmNvbYcEfwAAAYcQAAAAAAAAAAAAAAAAAAAAATAKBggqhkjO\n"
	"PQQDAgNHADBEAiAM047j3bZlg1WiHT3NVMbexl+a7a49iI6AK6Wnp7TpCwIgC//t\n"
	"5N86UQPi4ur4fLWw9SNtpczkjl4b2vXkVa5HnVE=\n"
	"-----END CERTIFICATE-----\n";

static const char built_in_key[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcuF9XlPlhIGdsn6k\n"
	"Ofqb5GUuAElBegzq31LGnZ/yGiShRANCAASNbgHa6fs4JQGZjqOrlECXzfbrEFqH\n"
	"mbqpp6wFInBxKsYNdVbxEy1Qb25VetfP+gex3i7x/KiOGi6br3hmuahJ\n"
	"-----END PRIVATE KEY-----\n";

#endif
