"""The demonstration: a pocket Moodle and the tool on this machine, with a data set and a first night."""
