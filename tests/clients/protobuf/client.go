package main

func useServer() {}
