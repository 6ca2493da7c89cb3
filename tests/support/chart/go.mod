module chart

go 1.24
